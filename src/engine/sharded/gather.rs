//! One answer out of those of several shards.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::Merge;
use crate::model::Answer;

pub(super) struct Gather {
    /// How many have not answered.
    open: usize,
    /// By shard.
    answers: BTreeMap<usize, Result<Answer>>,
    /// `None`: the first answer counts.
    merge: Option<Merge>,
    /// The one whose error counts, where those of the others do not.
    decides: Option<usize>,
}

impl Gather {
    /// Of so many.
    pub(super) fn new(count: usize, merge: Option<Merge>, decides: Option<usize>) -> Self {
        Self { open: count, answers: BTreeMap::new(), merge, decides }
    }

    /// Whether all have answered now.
    pub(super) fn take(&mut self, shard: usize, answer: Result<Answer>) -> bool {
        if self.answers.insert(shard, answer).is_none() {
            self.open = self.open.saturating_sub(1);
        }
        self.open == 0
    }

    /// The first error there is.
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
