//! Computes the levels and deadlines of pieces from the positions of all readers of a torrent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::model::{Look, ReaderOptions, Requests, Span};

/// How far ahead a reader reads when it starts and after a seek, in bytes.
const FIRST_AHEAD: u64 = 2 << 20;

/// The size of the parts at both ends of a media file where players look for the index, in bytes.
const END: u64 = 1 << 20;

/// The minimum number of pieces in a window, so that one is always being downloaded.
const FEWEST: u64 = 2;

/// The levels (priorities) of pieces, by their distance from the position of a reader, in pieces. libtorrent
/// chooses freely among pieces of the same level.
const NEXT: u64 = 1;
const SOON: u64 = 3;
const NEXT_LEVEL: u8 = 7;
const SOON_LEVEL: u8 = 6;
const WINDOW_LEVEL: u8 = 5;

/// Of several readers, one in so many is next: those that have waited longest.
const SHARE: usize = 4;

/// Pieces in the order of their deadlines: the distance from the position of a reader, its turn, the piece.
type Due = BTreeSet<(u64, usize, u32)>;

/// The minimum number of other missing pieces, besides a quarter of all, while pieces are deferred.
const FAR_FROM_FINISHED: usize = 32;

/// The highest level of pieces outside all windows.
const HIGHEST_OUTSIDE: u8 = 4;

/// The distance up to which pieces have deadlines, and the maximum number of deadlines. libtorrent serves
/// deadlines in order, and slows down with their number.
const DUE: u64 = 4;
const DEADLINES: usize = 32;
/// The difference between the deadlines of consecutive pieces, in milliseconds.
const STEP: u32 = 10;
/// The deadline of a piece that is not urgent at all, in milliseconds.
const FAR: u32 = 3_600_000;

/// Pieces have deadlines until a reader has read this many bytes since its last seek, and when it has waited this
/// long. With deadlines, libtorrent keeps one open request per peer and requests some blocks twice: the next piece
/// comes sooner, and the download is slower.
const SETTLED: u64 = FIRST_AHEAD;
pub(super) const LONG_WAIT: Duration = Duration::from_secs(2);

/// Where a reader is in its file, and what it wants.
#[derive(Debug, Clone)]
pub(super) struct Window {
    span: Span,
    options: ReaderOptions,
    /// The position of the next read.
    position: u64,
    /// How many bytes were read since the last seek.
    read_on: u64,
    waits_since: Option<Instant>,
}

impl Window {
    pub(super) fn new(span: Span, options: ReaderOptions) -> Self {
        Self { span, options, position: 0, read_on: 0, waits_since: None }
    }

    /// Sets the position. It is not a seek to continue, or to skip within the current window.
    pub(super) fn move_to(&mut self, position: u64) {
        let ahead = self.position.saturating_add(self.ahead());
        if !(self.position..ahead).contains(&position) {
            self.read_on = 0;
        }
        self.position = position;
    }

    /// The reader waits for missing data.
    pub(super) fn wait(&mut self, now: Instant) {
        self.waits_since.get_or_insert(now);
    }

    pub(super) fn advance(&mut self, length: u64) {
        self.position += length;
        self.read_on += length;
        self.waits_since = None;
    }

    /// A key that sorts those that have waited longest first, and those that do not wait last.
    fn turn(&self) -> (bool, Option<Instant>) {
        (self.waits_since.is_none(), self.waits_since)
    }

    /// Returns when it will have waited long, if it waits.
    pub(super) fn waits_long_at(&self) -> Option<Instant> {
        self.waits_since.map(|since| since + LONG_WAIT)
    }

    /// Returns whether its pieces have deadlines.
    fn is_urgent(&self, now: Instant) -> bool {
        self.read_on < SETTLED || self.waits_long_at().is_some_and(|due| due <= now)
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

/// Returns the pieces that contain a range of bytes of the torrent.
fn pieces(begin: u64, end: u64, piece_length: u64) -> std::ops::Range<u64> {
    if begin >= end { 0..0 } else { begin / piece_length..end.div_ceil(piece_length) }
}

/// The pieces of a torrent: which are available, and the program's levels.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) length: u64,
    have: Vec<bool>,
    levels: Vec<u8>,
    /// The pieces whose level must be lowered while there is a window.
    high: Vec<u32>,
}

impl Pieces {
    /// Takes libtorrent's answer. Pieces that arrived in the meantime stay available.
    pub(super) fn update(&mut self, look: &Look) {
        let Look { piece_length, have, levels, .. } = look;
        self.length = (*piece_length).max(1);
        if self.have.len() < have.len() {
            self.have.resize(have.len(), false);
        }
        for (known, is_here) in self.have.iter_mut().zip(have) {
            *known |= *is_here == 1;
        }
        if let Some(levels) = levels {
            let high = levels.iter().zip(0..).filter(|(level, _)| **level > HIGHEST_OUTSIDE);
            self.high = high.map(|(_, piece)| piece).collect();
            self.levels.clone_from(levels);
        }
    }

    /// Records that a piece is available. Returns whether that is new.
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

    /// Returns the program's levels.
    pub(super) fn levels(&self) -> &[u8] {
        &self.levels
    }

    fn level(&self, piece: u32) -> u8 {
        self.levels.get(piece as usize).copied().unwrap_or(HIGHEST_OUTSIDE)
    }

    fn is_here(&self, piece: u64) -> bool {
        usize::try_from(piece).is_ok_and(|piece| self.have.get(piece).copied().unwrap_or(false))
    }

    /// Returns how many bytes of the range are available without a gap.
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

/// The levels and deadlines that a torrent has because of its readers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    levels: BTreeMap<u32, u8>,
    /// When each piece is due, in milliseconds.
    deadlines: BTreeMap<u32, u32>,
    /// The missing pieces at the positions of readers.
    fronts: BTreeSet<u32>,
    /// The deferred pieces, which readers have left by a seek.
    left: BTreeSet<u32>,
    /// Whether a reader is open, and so may seek.
    is_read: bool,
}

impl Plan {
    /// Merges the windows of all readers. A piece that several want has the distance to the nearest of them.
    pub(super) fn of<'a>(
        windows: impl Iterator<Item = &'a Window>,
        pieces: &Pieces,
        now: Instant,
    ) -> Self {
        let mut plan = Self::default();
        let mut by_distance: BTreeMap<u32, u64> = BTreeMap::new();
        let mut due = Due::new();
        let mut windows: Vec<_> = windows.collect();
        windows.sort_by_key(|window| window.turn());
        plan.is_read = !windows.is_empty();
        // While some pieces have deadlines, a reader of others would get little.
        let has_deadlines = windows.iter().any(|window| window.is_urgent(now));
        let mut fronts = Vec::new();
        for (turn, window) in windows.into_iter().enumerate() {
            let due = has_deadlines.then_some((turn, &mut due));
            fronts.extend(Self::add(window, pieces, &mut by_distance, due));
        }
        for ((.., piece), when) in due.into_iter().take(DEADLINES).zip((0..).step_by(STEP as usize))
        {
            plan.deadlines.entry(piece).or_insert(when);
        }
        // One more deadline, far in the future: while there is another, a new deadline does not cancel other
        // requests.
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
        // libtorrent chooses freely among pieces of the same level, and would choose those of one reader
        // several times before those of another.
        let later = fronts.split_off(fronts.len().div_ceil(SHARE));
        for front in later.iter().filter(|front| !fronts.contains(front)) {
            plan.levels.insert(*front, SOON_LEVEL);
        }
        plan.fronts = fronts.into_iter().chain(later).collect();
        plan
    }

    /// Defers the pieces that readers have left by a seek until no reader waits. Once there are many
    /// incomplete pieces, libtorrent completes them before it begins others. With few peers that happens
    /// soon.
    pub(super) fn put_off(mut self, before: &Self, pieces: &Pieces) -> Self {
        if self.fronts.is_empty() {
            return self;
        }
        let of_windows = before.levels.keys().filter(|piece| before.is_in_window(**piece));
        let left = of_windows.chain(&before.left).copied();
        self.left = left
            .filter(|piece| !pieces.is_here(u64::from(*piece)) && !self.is_in_window(*piece))
            .collect();
        // If no other pieces were missing, libtorrent would consider the torrent finished. Many must be
        // missing, because pieces arrive before their events.
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

    /// Adds a window. Returns the piece at its position if that is missing.
    fn add(
        window: &Window,
        pieces: &Pieces,
        by_distance: &mut BTreeMap<u32, u64>,
        mut due: Option<(usize, &mut Due)>,
    ) -> Option<u32> {
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
        let mut front = None;
        for (distance, piece) in all {
            if pieces.is_here(piece) {
                continue;
            }
            let Ok(number) = u32::try_from(piece) else { continue };
            if distance == 0 {
                front = Some(number);
            }
            let nearest = by_distance.entry(number).or_insert(distance);
            *nearest = distance.min(*nearest);
            if let Some((turn, due)) = due.as_mut().filter(|_| distance < DUE) {
                due.insert((distance, *turn, number));
            }
        }
        front
    }

    /// Returns the changes that replace the plan `before` by this one.
    pub(super) fn change_from(&self, before: &Self, pieces: &Pieces) -> Option<Steer> {
        // Whether a reader has jumped to a piece that is not being downloaded.
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
        // Setting or removing a deadline changes the level.
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

/// The changes to pass to libtorrent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::client) struct Steer {
    /// Pieces whose deadlines are removed, first.
    pub(in crate::client) dropped: Vec<u32>,
    /// Pieces and their deadlines, in milliseconds.
    pub(in crate::client) deadlines: Vec<(u32, u32)>,
    /// Pieces and their levels. Set last, because deadlines change levels.
    pub(in crate::client) levels: Vec<(u32, u8)>,
    pub(in crate::client) requests: Requests,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReadAhead;

    const MIB: u64 = 1 << 20;

    /// The answer for pieces of 1 MiB with these levels, none of which is available.
    fn look(levels: Vec<u8>) -> Look {
        let span = Span { begin: 0, size: 0 };
        Look {
            span,
            piece_length: MIB,
            have: vec![0; levels.len()],
            levels: Some(levels),
            view: None,
        }
    }

    /// A torrent with this many pieces of 1 MiB, none of which is available.
    fn torrent(count: usize) -> Pieces {
        let mut pieces = Pieces::default();
        pieces.update(&look(vec![4; count]));
        pieces
    }

    fn window(begin: u64, size: u64) -> Window {
        Window::new(Span { begin, size }, ReaderOptions::default())
    }

    fn plan(windows: &[Window], pieces: &Pieces) -> Plan {
        Plan::of(windows.iter(), pieces, Instant::now() + LONG_WAIT)
    }

    /// A sequential reader that has waited long in a [plan].
    fn waiting(read_on: u64) -> Window {
        let mut reader = window(0, 100 * MIB);
        reader.advance(read_on);
        reader.wait(Instant::now());
        reader
    }

    #[test]
    fn a_reader_wants_twice_the_data_it_has_read_and_little_after_a_seek() {
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
    fn the_nearest_pieces_come_first() {
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
        assert!(at(&reader, now + LONG_WAIT).0.is_empty());
        let sequential = reader.clone();
        reader.move_to(90 * MIB);
        assert_eq!(at(&reader, now).0, [90, 91]);
        let both = Plan::of([&sequential, &reader].into_iter(), &pieces, now);
        assert!(both.deadlines.contains_key(&11), "a piece of the sequential reader");
    }

    #[test]
    fn the_windows_of_all_readers_are_one_plan() {
        let pieces = torrent(100);
        let mut far = window(0, 100 * MIB);
        far.advance(MIB);
        let near = window(3 * MIB, 50 * MIB);
        let plan = plan(&[far, near], &pieces);
        assert_eq!(plan.levels, [(1, 7), (2, 6), (3, 6), (4, 6)].into());
        assert_eq!(plan.deadlines, [(1, 0), (3, 10), (2, 20), (4, 30)].into());
    }

    #[test]
    fn readers_that_have_waited_longest_come_first() {
        let pieces = torrent(100);
        let now = Instant::now();
        let reader = |piece: u64, waited: Option<u64>| {
            let mut reader = window(piece * MIB, 10 * MIB);
            if let Some(waited) = waited {
                reader.wait(now - Duration::from_millis(waited));
            }
            reader
        };
        let mut readers =
            [reader(0, None), reader(10, Some(10)), reader(20, Some(30)), reader(30, Some(20))];
        let first = |readers: &[Window]| {
            let plan = Plan::of(readers.iter(), &pieces, now);
            let levels = plan.levels.iter().filter(|(_, level)| **level == NEXT_LEVEL);
            let next = levels.map(|(piece, _)| *piece).collect::<Vec<_>>();
            let mut due: Vec<_> =
                plan.deadlines.iter().map(|(piece, when)| (*when, *piece)).collect();
            due.sort();
            (next, due.iter().take(4).map(|(_, piece)| *piece).collect::<Vec<_>>())
        };
        assert_eq!(first(&readers), (vec![20], vec![20, 30, 10, 0]));
        readers[2].advance(MIB);
        readers[2].wait(now);
        assert_eq!(first(&readers), (vec![30], vec![30, 10, 21, 0]));
    }

    #[test]
    fn finished_pieces_are_not_wanted_and_top_priorities_of_the_program_come_second() {
        let mut pieces = torrent(20);
        pieces.update(&look([vec![7; 10], vec![4; 10]].concat()));
        assert!(pieces.arrived(15) && !pieces.arrived(15));
        let reader = window(15 * MIB, 5 * MIB);
        let plan = plan(&[reader], &pieces);
        let level = |piece: u32| plan.levels.get(&piece).copied();
        assert_eq!((level(0), level(15), level(16)), (Some(4), None, Some(6)));
        assert!(plan.fronts.is_empty(), "nobody waits");
    }

    #[test]
    fn the_ends_come_first_on_request() {
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
    fn a_window_whose_start_is_complete_sets_no_deadline() {
        let mut pieces = torrent(100);
        let reader = waiting(10 * MIB);
        (10..29).for_each(|piece| assert!(pieces.arrived(piece)));
        let plan = plan(&[reader], &pieces);
        assert_eq!((plan.levels, plan.deadlines), ([(29, 5)].into(), BTreeMap::new()));
    }

    #[test]
    fn bytes_are_available_up_to_the_first_missing_piece() {
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
    fn a_seek_to_requested_data_cancels_nothing() {
        let pieces = torrent(100);
        let mut reader = waiting(10 * MIB);
        let before = plan(&[reader.clone()], &pieces);
        reader.move_to(12 * MIB);
        let after = plan(&[reader], &pieces);
        let steer = after.change_from(&before, &pieces).unwrap();
        assert!(!steer.deadlines.iter().any(|(piece, _)| *piece == 12), "{steer:?}");
    }

    #[test]
    fn data_that_readers_have_left_is_postponed_while_a_reader_waits() {
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
    fn nothing_is_postponed_if_nothing_else_is_wanted() {
        let mut pieces = torrent(4);
        pieces.update(&look(vec![4, 4, 0, 0]));
        let mut reader = window(0, 4 * MIB);
        let before = plan(&[reader.clone()], &pieces);
        reader.move_to(2 * MIB);
        let after = plan(&[reader], &pieces).put_off(&before, &pieces);
        assert!(after.left.is_empty() && !after.levels.values().any(|level| *level == 0));
    }

    #[test]
    fn readers_restore_the_priorities_of_the_program() {
        let mut pieces = torrent(6);
        pieces.update(&look(vec![0, 1, 6, 7, 4, 2]));
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
