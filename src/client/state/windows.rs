//! What readers want of a torrent, and how it becomes levels and deadlines of pieces: the one place
//! where the windows of all readers are merged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::model::{ReaderOptions, Requests, Span};

/// What a reader wants ahead when it begins and after a seek, in bytes.
const FIRST_AHEAD: u64 = 2 << 20;

/// How much of either end of a media file is looked at for the index, in bytes.
const END: u64 = 1 << 20;

/// A window has at least so many pieces, so that there is always one under way.
const FEWEST: u64 = 2;

/// The levels of pieces by their distance from where a reader is, in pieces. Within a level libtorrent
/// picks as it likes.
const NEXT: u64 = 1;
const SOON: u64 = 3;
const NEXT_LEVEL: u8 = 7;
const SOON_LEVEL: u8 = 6;
const WINDOW_LEVEL: u8 = 5;

/// So many other pieces are missing, and a quarter of all, while pieces are put off.
const FAR_FROM_FINISHED: usize = 32;

/// What is in no window is below all that is in one.
const HIGHEST_OUTSIDE: u8 = 4;

/// How near a piece with a deadline is, and how many have one. libtorrent serves deadlines in their
/// order, and slows down with their number.
const DUE: u64 = 4;
const DEADLINES: usize = 32;
/// The deadlines of pieces that follow each other are so far apart, in milliseconds.
const STEP: u32 = 10;
/// A deadline that is never due.
const FAR: u32 = 3_600_000;

/// Pieces have deadlines until a reader has read so much since its last seek, in bytes, and while it waits for so
/// long. With a deadline, libtorrent has one request under way at each peer, and requests what is under way once
/// more where nothing else is due: then data comes soon, but less of it.
const SETTLED: u64 = FIRST_AHEAD;
const LONG_WAIT: Duration = Duration::from_secs(2);

/// Where a reader is in its file, and what it wants.
#[derive(Debug, Clone)]
pub(super) struct Window {
    span: Span,
    options: ReaderOptions,
    /// Where the next byte is read.
    position: u64,
    /// What was read since the last seek.
    read_on: u64,
    waits_since: Option<Instant>,
}

impl Window {
    pub(super) fn new(span: Span, options: ReaderOptions) -> Self {
        Self { span, options, position: 0, read_on: 0, waits_since: None }
    }

    /// The reader is here. Going on, and skipping within what is wanted already, is no seek.
    pub(super) fn move_to(&mut self, position: u64) {
        let ahead = self.position.saturating_add(self.ahead());
        if !(self.position..ahead).contains(&position) {
            self.read_on = 0;
        }
        self.position = position;
    }

    /// Nothing is here where it reads.
    pub(super) fn wait(&mut self, now: Instant) {
        self.waits_since.get_or_insert(now);
    }

    pub(super) fn advance(&mut self, length: u64) {
        self.position += length;
        self.read_on += length;
        self.waits_since = None;
    }

    /// Whether its pieces have deadlines.
    fn is_urgent(&self, now: Instant) -> bool {
        let waited = self.waits_since.map(|since| now.saturating_duration_since(since));
        self.read_on < SETTLED || waited >= Some(LONG_WAIT)
    }

    fn ahead(&self) -> u64 {
        let most = self.options.read_ahead.bytes();
        self.read_on.saturating_mul(2).max(FIRST_AHEAD).min(most)
    }
}

fn level(distance: u64) -> u8 {
    if distance < NEXT {
        NEXT_LEVEL
    } else if distance < SOON {
        SOON_LEVEL
    } else {
        WINDOW_LEVEL
    }
}

/// A range of bytes of the torrent, as pieces.
fn pieces(begin: u64, end: u64, piece_length: u64) -> std::ops::Range<u64> {
    if begin >= end { 0..0 } else { begin / piece_length..end.div_ceil(piece_length) }
}

/// The pieces of a torrent: which are here, and how the program wants them.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) length: u64,
    have: Vec<bool>,
    levels: Vec<u8>,
    /// Those that the program wants more than what is in no window may be wanted.
    high: Vec<u32>,
}

impl Pieces {
    /// Takes what libtorrent says. What came meanwhile stays.
    pub(super) fn learn(&mut self, length: u64, have: &[u8], levels: Option<Vec<u8>>) {
        self.length = length.max(1);
        if self.have.len() < have.len() {
            self.have.resize(have.len(), false);
        }
        for (known, is_here) in self.have.iter_mut().zip(have) {
            *known |= *is_here == 1;
        }
        if let Some(levels) = levels {
            let high = levels.iter().zip(0..).filter(|(level, _)| **level > HIGHEST_OUTSIDE);
            self.high = high.map(|(_, piece)| piece).collect();
            self.levels = levels;
        }
    }

    /// Whether it is news.
    pub(super) fn arrived(&mut self, piece: u32) -> bool {
        let piece = piece as usize;
        if self.have.len() <= piece {
            self.have.resize(piece + 1, false);
        }
        !std::mem::replace(&mut self.have[piece], true)
    }

    pub(super) fn forget(&mut self) {
        self.have.fill(false);
    }

    /// Those of the program.
    pub(super) fn levels(&self) -> &[u8] {
        &self.levels
    }

    fn level(&self, piece: u32) -> u8 {
        self.levels.get(piece as usize).copied().unwrap_or(HIGHEST_OUTSIDE)
    }

    fn is_here(&self, piece: u64) -> bool {
        usize::try_from(piece).is_ok_and(|piece| self.have.get(piece).copied().unwrap_or(false))
    }

    /// How many bytes of `length` from this one of the part on are here.
    pub(super) fn here(&self, span: Span, position: u64, length: u64) -> u64 {
        let end = position.saturating_add(length).min(span.size);
        if position >= end {
            return 0;
        }
        let (first, last) = (span.begin + position, span.begin + end);
        let missing = pieces(first, last, self.length).find(|piece| !self.is_here(*piece));
        missing.map_or(last, |piece| (piece * self.length).max(first)) - first
    }
}

/// The levels and deadlines of pieces that a torrent has for its readers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    levels: BTreeMap<u32, u8>,
    /// When pieces are due, in milliseconds.
    deadlines: BTreeMap<u32, u32>,
    /// Where readers are, and nothing is.
    fronts: BTreeSet<u32>,
    /// Pieces that readers have jumped away from, while one waits.
    left: BTreeSet<u32>,
    /// A reader is open: it may jump.
    is_read: bool,
}

impl Plan {
    /// Merges the windows of all readers. A piece that several want counts as the nearest of them has it.
    pub(super) fn of<'a>(
        windows: impl Iterator<Item = &'a Window>,
        pieces: &Pieces,
        now: Instant,
    ) -> Self {
        let mut plan = Self::default();
        let mut by_distance: BTreeMap<u32, u64> = BTreeMap::new();
        let mut due: BTreeSet<(u64, u32)> = BTreeSet::new();
        for window in windows {
            plan.is_read = true;
            let due = window.is_urgent(now).then_some(&mut due);
            plan.add(window, pieces, &mut by_distance, due);
        }
        for ((_, piece), when) in due.into_iter().take(DEADLINES).zip((0..).step_by(STEP as usize))
        {
            plan.deadlines.entry(piece).or_insert(when);
        }
        // One more, far away: while a deadline is left, a new one does not cancel what else is under way.
        let furthest = by_distance.iter().max_by_key(|(_, distance)| **distance);
        if let Some((piece, _)) = furthest
            && !plan.deadlines.is_empty()
        {
            plan.deadlines.entry(*piece).or_insert(FAR);
        }
        if !by_distance.is_empty() {
            plan.levels.extend(pieces.high.iter().map(|piece| (*piece, HIGHEST_OUTSIDE)));
        }
        for (piece, distance) in by_distance {
            plan.levels.insert(piece, level(distance));
        }
        plan
    }

    /// Puts off what readers have jumped away from until none waits: libtorrent completes pieces that it has begun
    /// before all others once there are many, which is soon where peers are few.
    pub(super) fn put_off(mut self, before: &Self, pieces: &Pieces) -> Self {
        if self.fronts.is_empty() {
            return self;
        }
        let of_windows = before.levels.keys().filter(|piece| before.is_in_window(**piece));
        let left = of_windows.chain(&before.left).copied();
        self.left = left
            .filter(|piece| !pieces.is_here(u64::from(*piece)) && !self.is_in_window(*piece))
            .collect();
        // Without others, libtorrent would take the torrent for finished. Pieces come before this hears of
        // them, so there must be many.
        let is_other = |piece: u32| {
            let is_missing = pieces.level(piece) > 0 && !pieces.is_here(u64::from(piece));
            is_missing && !self.left.contains(&piece) && !self.is_in_window(piece)
        };
        let all = pieces.levels.len();
        let others = (0..).take(all).filter(|piece| is_other(*piece)).count();
        if others >= FAR_FROM_FINISHED.max(all / 4) {
            self.levels.extend(self.left.iter().map(|piece| (*piece, 0)));
        } else {
            self.left.clear();
        }
        self
    }

    fn is_in_window(&self, piece: u32) -> bool {
        self.levels.get(&piece).is_some_and(|level| *level > HIGHEST_OUTSIDE)
    }

    fn add(
        &mut self,
        window: &Window,
        pieces: &Pieces,
        by_distance: &mut BTreeMap<u32, u64>,
        mut due: Option<&mut BTreeSet<(u64, u32)>>,
    ) {
        let Span { begin, size } = window.span;
        let range = |from: u64, to: u64| {
            self::pieces(begin + from.min(size), begin + to.min(size), pieces.length)
        };
        let mut ahead = range(window.position, window.position.saturating_add(window.ahead()));
        let of_file = range(0, size);
        ahead.end = ahead.end.max((ahead.start + FEWEST).min(of_file.end));
        let mut all: Vec<_> = ahead.clone().map(|piece| (piece - ahead.start, piece)).collect();
        if window.options.ends_first {
            let ends = range(0, END).chain(range(size.saturating_sub(END), size));
            all.extend(ends.map(|piece| (1, piece)));
        }
        for (distance, piece) in all {
            if pieces.is_here(piece) {
                continue;
            }
            let Ok(number) = u32::try_from(piece) else { continue };
            if distance == 0 {
                self.fronts.insert(number);
            }
            let nearest = by_distance.entry(number).or_insert(distance);
            *nearest = distance.min(*nearest);
            if let Some(due) = due.as_mut().filter(|_| distance < DUE) {
                due.insert((distance, number));
            }
        }
    }

    /// What changes when this takes the place of `before`.
    pub(super) fn change_from(&self, before: &Self, pieces: &Pieces) -> Option<Steer> {
        // A reader has jumped to where nothing is under way.
        let anew = self.fronts.iter().any(|piece| !before.is_in_window(*piece));
        let dropped: Vec<u32> = before
            .deadlines
            .keys()
            .filter(|piece| anew || !self.deadlines.contains_key(piece))
            .filter(|piece| !pieces.is_here(u64::from(**piece)))
            .copied()
            .collect();
        let is_new = |piece: &u32| anew || !before.deadlines.contains_key(piece);
        let deadlines: Vec<(u32, u32)> = self
            .deadlines
            .iter()
            .filter(|(piece, _)| is_new(piece))
            .map(|(piece, when)| (*piece, *when))
            .collect();
        let mut levels = BTreeMap::new();
        for piece in before.levels.keys().filter(|piece| !self.levels.contains_key(piece)) {
            levels.insert(*piece, pieces.level(*piece));
        }
        for (piece, level) in &self.levels {
            if before.levels.get(piece) != Some(level) {
                levels.insert(*piece, *level);
            }
        }
        // A deadline that is set or taken back changes the level.
        for piece in dropped.iter().chain(deadlines.iter().map(|(piece, _)| piece)) {
            let level = self.levels.get(piece).copied();
            levels.insert(*piece, level.unwrap_or_else(|| pieces.level(*piece)));
        }
        let changes = !levels.is_empty() || self.is_read != before.is_read;
        let requests = if self.is_read { Requests::Shallow } else { Requests::Deep };
        let levels = levels.into_iter().collect();
        changes.then_some(Steer { dropped, deadlines, levels, requests })
    }
}

/// What to tell libtorrent about a torrent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::client) struct Steer {
    /// Pieces whose deadline is taken back; first.
    pub(in crate::client) dropped: Vec<u32>,
    /// Pieces and when they are due, in milliseconds.
    pub(in crate::client) deadlines: Vec<(u32, u32)>,
    /// Pieces and their levels; last, as deadlines change levels too.
    pub(in crate::client) levels: Vec<(u32, u8)>,
    pub(in crate::client) requests: Requests,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReadAhead;

    const MIB: u64 = 1 << 20;

    /// A torrent of this many pieces of 1 MiB, of which none is here.
    fn torrent(count: usize) -> Pieces {
        let mut pieces = Pieces::default();
        pieces.learn(MIB, &vec![0; count], Some(vec![4; count]));
        pieces
    }

    fn window(begin: u64, size: u64) -> Window {
        Window::new(Span { begin, size }, ReaderOptions::default())
    }

    fn plan(windows: &[Window], pieces: &Pieces) -> Plan {
        Plan::of(windows.iter(), pieces, Instant::now() + LONG_WAIT)
    }

    /// One that reads on, and has waited for long in a [plan].
    fn waiting(read_on: u64) -> Window {
        let mut reader = window(0, 100 * MIB);
        reader.advance(read_on);
        reader.wait(Instant::now());
        reader
    }

    #[test]
    fn a_reader_wants_twice_what_it_has_read_on_and_little_after_a_seek() {
        let mut window = window(0, 1000 * MIB);
        assert_eq!(window.ahead(), FIRST_AHEAD);
        window.advance(5 * MIB);
        assert_eq!(window.ahead(), 10 * MIB);
        window.move_to(5 * MIB);
        assert_eq!(window.ahead(), 10 * MIB, "it goes on");
        window.move_to(8 * MIB);
        assert_eq!(window.ahead(), 10 * MIB, "a skip within what is wanted");
        window.advance(100 * MIB);
        assert_eq!(window.ahead(), 32 * MIB, "the default bound");
        window.move_to(900 * MIB);
        assert_eq!(window.ahead(), FIRST_AHEAD);
        window.options.read_ahead = ReadAhead::Bytes(10);
        assert_eq!(window.ahead(), 10);
    }

    #[test]
    fn what_is_nearest_comes_first() {
        let pieces = torrent(100);
        let plan = plan(&[waiting(10 * MIB)], &pieces);
        let level = |piece| plan.levels.get(&piece).copied();
        assert_eq!((level(9), level(10), level(11)), (None, Some(7), Some(6)));
        assert_eq!((level(12), level(13), level(29)), (Some(6), Some(5), Some(5)));
        assert_eq!(level(30), None);
        let expected = [(10, 0), (11, 10), (12, 20), (13, 30), (29, FAR)];
        assert_eq!(plan.deadlines, expected.into(), "and one far away");
    }

    #[test]
    fn pieces_have_deadlines_after_a_seek_and_in_a_long_wait() {
        let pieces = torrent(100);
        let now = Instant::now();
        let mut reader = window(0, 100 * MIB);
        let at = |reader: &Window, now| {
            let plan = Plan::of([reader].into_iter(), &pieces, now);
            (plan.deadlines.keys().copied().collect::<Vec<_>>(), plan.levels.len())
        };
        assert_eq!(at(&reader, now), (vec![0, 1], 2));
        reader.advance(10 * MIB);
        reader.wait(now);
        assert_eq!(at(&reader, now), (vec![], 20));
        assert_eq!(at(&reader, now + LONG_WAIT), (vec![10, 11, 12, 13, 29], 20));
        reader.wait(now + LONG_WAIT);
        assert_eq!(at(&reader, now + LONG_WAIT).0.len(), 5, "it waits as before");
        reader.advance(MIB);
        assert_eq!(at(&reader, now + LONG_WAIT).0, []);
        reader.move_to(90 * MIB);
        assert_eq!(at(&reader, now).0, [90, 91]);
    }

    #[test]
    fn the_windows_of_all_readers_are_one_plan() {
        let pieces = torrent(100);
        let mut far = window(0, 100 * MIB);
        far.advance(MIB);
        let near = window(3 * MIB, 50 * MIB);
        let plan = plan(&[far, near], &pieces);
        assert_eq!(plan.levels, [(1, 7), (2, 6), (3, 7), (4, 6)].into());
        assert_eq!(plan.deadlines, [(1, 0), (3, 10), (2, 20), (4, 30)].into());
    }

    #[test]
    fn what_is_here_is_not_wanted_and_what_the_program_wants_most_waits_behind() {
        let mut pieces = torrent(20);
        pieces.learn(MIB, &[], Some([vec![7; 10], vec![4; 10]].concat()));
        assert!(pieces.arrived(15) && !pieces.arrived(15));
        let reader = window(15 * MIB, 5 * MIB);
        let plan = plan(&[reader], &pieces);
        let level = |piece: u32| plan.levels.get(&piece).copied();
        assert_eq!((level(0), level(15), level(16)), (Some(4), None, Some(6)));
        assert!(plan.fronts.is_empty(), "nobody waits");
    }

    #[test]
    fn the_ends_come_first_where_they_are_wanted() {
        let pieces = torrent(100);
        let mut reader = window(MIB / 2, 99 * MIB);
        reader.options.ends_first = true;
        reader.move_to(50 * MIB);
        let plan = plan(&[reader], &pieces);
        let wanted: Vec<_> = plan.levels.keys().copied().collect();
        assert_eq!(wanted, [0, 1, 50, 51, 52, 98, 99]);
        assert_eq!(plan.deadlines[&50], 0, "where it reads is before all");
    }

    #[test]
    fn a_window_that_is_full_where_it_matters_sets_no_deadline() {
        let mut pieces = torrent(100);
        let reader = waiting(10 * MIB);
        (10..29).for_each(|piece| assert!(pieces.arrived(piece)));
        let plan = plan(&[reader], &pieces);
        assert_eq!((plan.levels, plan.deadlines), ([(29, 5)].into(), BTreeMap::new()));
    }

    #[test]
    fn bytes_are_here_up_to_the_first_piece_that_is_not() {
        let mut pieces = torrent(10);
        let span = Span { begin: MIB / 2, size: 5 * MIB };
        assert_eq!(pieces.here(span, 0, 10), 0);
        pieces.arrived(0);
        pieces.arrived(1);
        pieces.arrived(5);
        assert_eq!(pieces.here(span, 0, 10 * MIB), MIB / 2 + MIB);
        assert_eq!(pieces.here(span, MIB, 100), 100);
        assert_eq!(pieces.here(span, 5 * MIB - 3, 100), 3, "the end of the file");
        assert_eq!(pieces.here(span, 5 * MIB, 100), 0);
        assert_eq!(pieces.here(span, u64::MAX, 100), 0);
        pieces.forget();
        assert_eq!(pieces.here(span, 0, 1), 0);
    }

    #[test]
    fn a_step_changes_little_and_cancels_nothing() {
        let mut pieces = torrent(100);
        let mut reader = waiting(10 * MIB);
        let before = plan(&[reader.clone()], &pieces);
        pieces.arrived(10);
        reader.advance(MIB);
        reader.wait(Instant::now());
        let after = plan(&[reader], &pieces);
        let steer = after.change_from(&before, &pieces).unwrap();
        assert!(steer.dropped.iter().all(|piece| *piece == 29), "{steer:?}");
        assert_eq!(steer.deadlines, [(14, 30), (32, FAR)]);
        assert!(steer.levels.contains(&(10, 4)), "as the program has it");
        assert!(steer.levels.contains(&(11, 7)) && !steer.levels.iter().any(|(p, _)| *p == 12));
        assert_eq!(after.change_from(&after, &pieces), None);
    }

    #[test]
    fn a_seek_sets_all_deadlines_anew() {
        let pieces = torrent(100);
        let mut reader = window(0, 100 * MIB);
        let before = plan(&[reader.clone()], &pieces);
        reader.move_to(50 * MIB);
        let after = plan(&[reader], &pieces);
        let steer = after.change_from(&before, &pieces).unwrap();
        assert_eq!(steer.dropped, [0, 1], "none is left, so that libtorrent cancels");
        assert_eq!(steer.deadlines, [(50, 0), (51, 10)]);
        assert_eq!(steer.levels, [(0, 4), (1, 4), (50, 7), (51, 6)]);
    }

    #[test]
    fn a_seek_into_what_is_on_its_way_cancels_nothing() {
        let pieces = torrent(100);
        let mut reader = waiting(10 * MIB);
        let before = plan(&[reader.clone()], &pieces);
        reader.move_to(12 * MIB);
        let after = plan(&[reader], &pieces);
        let steer = after.change_from(&before, &pieces).unwrap();
        assert!(!steer.deadlines.iter().any(|(piece, _)| *piece == 12), "{steer:?}");
    }

    #[test]
    fn what_readers_have_jumped_away_from_is_put_off_while_one_waits() {
        let mut pieces = torrent(100);
        let mut reader = window(0, 100 * MIB);
        let mut before = plan(&[reader.clone()], &pieces);
        for (to, left) in [(50, vec![0, 1]), (70, vec![0, 1, 50, 51]), (51, vec![0, 1, 50, 70, 71])]
        {
            reader.move_to(to * MIB);
            let after = plan(&[reader.clone()], &pieces).put_off(&before, &pieces);
            assert_eq!(after.left, left.iter().copied().collect());
            let steer = after.change_from(&before, &pieces).unwrap();
            assert!(left.iter().all(|piece| after.levels[piece] == 0), "{after:?}");
            assert!(steer.levels.contains(&(to as u32, NEXT_LEVEL)), "{steer:?}");
            before = after;
        }
        pieces.arrived(51);
        let after = plan(&[reader], &pieces).put_off(&before, &pieces);
        let steer = after.change_from(&before, &pieces).unwrap();
        assert!([0, 1, 50, 70, 71].iter().all(|piece| steer.levels.contains(&(*piece, 4))));
    }

    #[test]
    fn nothing_is_put_off_where_nothing_else_is_wanted() {
        let mut pieces = torrent(4);
        pieces.learn(MIB, &[], Some(vec![4, 4, 0, 0]));
        let mut reader = window(0, 4 * MIB);
        let before = plan(&[reader.clone()], &pieces);
        reader.move_to(2 * MIB);
        let after = plan(&[reader], &pieces).put_off(&before, &pieces);
        assert!(after.left.is_empty() && !after.levels.values().any(|level| *level == 0));
    }

    #[test]
    fn what_readers_leave_is_as_the_program_had_it() {
        let mut pieces = torrent(6);
        pieces.learn(MIB, &[], Some(vec![0, 1, 6, 7, 4, 2]));
        let reader = window(0, 3 * MIB);
        let plan = plan(&[reader], &pieces);
        pieces.arrived(0);
        let nothing = Plan::default();
        let steer = nothing.change_from(&plan, &pieces).unwrap();
        assert_eq!(steer.levels, [(0, 0), (1, 1), (2, 6), (3, 7)]);
        assert_eq!(steer.dropped, [1], "libtorrent has dropped that of 0");
        assert!(steer.deadlines.is_empty());
    }
}
