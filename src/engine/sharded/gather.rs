//! Combines the answers of several shards.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::Merge;
use crate::model::Answer;

pub(super) struct Gather {
    /// The number of shards that have not answered.
    open: usize,
    /// The answers, by shard.
    answers: BTreeMap<usize, Result<Answer>>,
    /// Combines the answers; `None` uses the first.
    merge: Option<Merge>,
    /// If set, only errors of this shard count.
    decides: Option<usize>,
}

impl Gather {
    /// Waits for this many answers.
    pub(super) fn new(count: usize, merge: Option<Merge>, decides: Option<usize>) -> Self {
        Self { open: count, answers: BTreeMap::new(), merge, decides }
    }

    /// Takes an answer. Returns whether all shards have answered.
    pub(super) fn take(&mut self, shard: usize, answer: Result<Answer>) -> bool {
        if self.answers.insert(shard, answer).is_none() {
            self.open = self.open.saturating_sub(1);
        }
        self.open == 0
    }

    /// Returns the combined answer, or the first error.
    pub(super) fn answer(self) -> Result<Answer> {
        let Self { answers, merge, decides, .. } = self;
        let counts = |(shard, answer): (usize, Result<Answer>)| {
            let passes = answer.is_err() && decides.is_some_and(|decides| decides != shard);
            (!passes).then_some(answer)
        };
        let answers = answers.into_iter().filter_map(counts).collect::<Result<Vec<_>>>()?;
        match merge {
            Some(merge) => merge(answers),
            None => answers
                .into_iter()
                .next()
                .ok_or_else(|| Error::new(ErrorKind::Panicked, "", "no shard was asked")),
        }
    }
}
