//! The open readers of a client: what each waits for, and the priorities and deadlines that libtorrent was
//! given for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::windows::{LONG_WAIT, Pieces, Plan, Window};
use crate::error::Error;
use crate::messages::reading::{Opening, Purpose, Read, ReaderId};
use crate::model::{Look, ReadNow, ReadTarget, Span, TorrentId};

pub(in crate::client) use super::windows::Steer;

/// An available range of a torrent, to be read.
pub(in crate::client) struct Fetch {
    pub(in crate::client) torrent: TorrentId,
    pub(in crate::client) span: Span,
    pub(in crate::client) read: Read,
}

/// What to do about a read.
pub(in crate::client) enum Next {
    Fetch(Fetch),
    /// Wait for data of this torrent.
    Wait(TorrentId),
    /// Refuse it: the reader does not exist, because its torrent was removed.
    Gone(Read),
}

#[derive(Default)]
pub(in crate::client) struct Readers {
    torrents: HashMap<TorrentId, OfTorrent>,
    by_id: HashMap<ReaderId, TorrentId>,
    /// The readers with a time limit.
    due: BTreeSet<(Instant, ReaderId)>,
    /// The readers that wait, and when they will have waited long; each at most once.
    slow: BTreeSet<(Instant, ReaderId)>,
    /// Torrents with new pieces, whose priorities have not been updated since.
    changed: BTreeSet<TorrentId>,
    were_open: bool,
}

/// The readers of one torrent.
#[derive(Default)]
struct OfTorrent {
    opening: HashMap<ReaderId, Opening>,
    open: BTreeMap<ReaderId, Open>,
    pieces: Pieces,
    /// The priorities and deadlines that libtorrent has.
    plan: Plan,
    /// How many changes of priorities by the program are in progress.
    choosing: usize,
    /// The number of readers at which the abandoned ones are removed.
    room: usize,
}

/// The readers of a removed torrent.
pub(in crate::client) struct RemovedReaders(OfTorrent);

impl RemovedReaders {
    pub(in crate::client) fn fail(mut self, error: &Error) {
        self.0.fail(error);
        for opening in self.0.opening.into_values() {
            opening.refuse(error.clone());
        }
    }
}

struct Open {
    span: Span,
    window: Window,
    waiting: Option<Read>,
    is_timed: bool,
    /// Whether it reads everything once and is then closed.
    once: bool,
    /// Keeps the view that the reader uses. It ends with this.
    _view: Option<Arc<dyn ReadNow>>,
}

impl OfTorrent {
    fn is_idle(&self) -> bool {
        self.has_none() && self.choosing == 0 && self.plan == Plan::default()
    }

    fn has_none(&self) -> bool {
        self.opening.is_empty() && self.open.is_empty()
    }

    fn abandoned(&self) -> Vec<ReaderId> {
        let opening = self.opening.iter().filter(|(_, opening)| opening.is_abandoned());
        let open = self.open.iter().filter(|(_, open)| open.is_abandoned());
        opening.map(|(id, _)| *id).chain(open.map(|(id, _)| *id)).collect()
    }

    fn fail(&mut self, error: &Error) {
        for read in self.open.values_mut().filter_map(|open| open.waiting.take()) {
            read.reply.send(Err(error.clone()));
        }
    }

    fn fetches(&mut self, torrent: TorrentId) -> Vec<Fetch> {
        let Self { open, pieces, .. } = self;
        open.values_mut().filter_map(|open| open.fetch(torrent, pieces)).collect()
    }
}

impl Readers {
    /// Returns whether any reader is open or being opened.
    pub(in crate::client) fn are_open(&self) -> bool {
        !self.by_id.is_empty()
    }

    /// Returns [`are_open`](Readers::are_open) if it has changed since the last call.
    pub(in crate::client) fn take_news(&mut self) -> Option<bool> {
        let open = self.are_open();
        (std::mem::replace(&mut self.were_open, open) != open).then_some(open)
    }

    /// Adds a reader, which waits until libtorrent has [answered](Readers::looked).
    pub(in crate::client) fn begin(&mut self, opening: Opening) -> ReaderId {
        let (id, torrent) = (ReaderId::next(), opening.torrent);
        self.make_room(torrent);
        self.by_id.insert(id, torrent);
        if let Purpose::Bytes(_, due) = opening.purpose {
            self.due.insert((due, id));
        }
        self.torrents.entry(torrent).or_default().opening.insert(id, opening);
        id
    }

    /// Each time the number of a torrent's readers has doubled, removes those that nobody waits for any more.
    fn make_room(&mut self, torrent: TorrentId) {
        let Some(of) = self.torrents.get_mut(&torrent) else { return };
        if of.opening.len() + of.open.len() < of.room {
            return;
        }
        let abandoned = of.abandoned();
        of.room = 2 * (of.opening.len() + of.open.len() - abandoned.len()).max(8);
        for id in abandoned {
            self.close(id);
            self.changed.insert(torrent);
        }
        let Self { due, slow, by_id, .. } = self;
        for times in [due, slow] {
            times.retain(|(_, id)| by_id.contains_key(id));
        }
    }

    /// What a reader that is to be opened reads.
    pub(in crate::client) fn target(&self, id: ReaderId) -> Option<(TorrentId, ReadTarget)> {
        let torrent = self.by_id.get(&id)?;
        Some((*torrent, self.torrents.get(torrent)?.opening.get(&id)?.target))
    }

    /// Returns the readers that wait for metadata or for the check of the files.
    pub(in crate::client) fn opening(&self, torrent: TorrentId) -> Vec<ReaderId> {
        let of = self.torrents.get(&torrent);
        of.into_iter().flat_map(|of| of.opening.keys()).copied().collect()
    }

    /// Opens a reader with libtorrent's answer. Returns its opening, to be replied to.
    pub(in crate::client) fn looked(&mut self, id: ReaderId, look: &Look) -> Option<Opening> {
        let of = self.torrents.get_mut(self.by_id.get(&id)?)?;
        let opening = of.opening.remove(&id)?;
        of.pieces.update(look);
        let window = Window::new(look.span, opening.options);
        let once = matches!(opening.purpose, Purpose::Bytes(..));
        let _view = look.view.clone();
        let open = Open { span: look.span, window, waiting: None, is_timed: false, once, _view };
        of.open.insert(id, open);
        Some(opening)
    }

    /// Takes a new answer from libtorrent. Returns the reads whose data is available.
    pub(in crate::client) fn update(&mut self, torrent: TorrentId, look: &Look) -> Vec<Fetch> {
        let Some(of) = self.torrents.get_mut(&torrent) else { return Vec::new() };
        of.pieces.update(look);
        of.fetches(torrent)
    }

    /// Removes a reader that cannot be opened. Returns its opening, to be replied to.
    pub(in crate::client) fn refuse(&mut self, id: ReaderId) -> Option<Opening> {
        let torrent = self.by_id.remove(&id)?;
        let opening = self.torrents.get_mut(&torrent)?.opening.remove(&id);
        self.free(torrent);
        opening
    }

    /// A reader reads here.
    pub(in crate::client) fn read(&mut self, read: Read, now: Instant) -> Next {
        let open = self.by_id.get(&read.reader).and_then(|torrent| {
            let of = self.torrents.get_mut(torrent)?;
            Some((*torrent, &of.pieces, of.open.get_mut(&read.reader)?))
        });
        let Some((torrent, pieces, open)) = open else { return Next::Gone(read) };
        let id = read.reader;
        open.window.move_to(read.position);
        open.waiting = Some(read);
        open.window.wait(now);
        if let Some(fetch) = open.fetch(torrent, pieces) {
            return Next::Fetch(fetch);
        }
        if !std::mem::replace(&mut open.is_timed, true) {
            self.slow.insert((now + LONG_WAIT, id));
        }
        Next::Wait(torrent)
    }

    /// A reader has read available data itself. Returns its torrent, which must then be [steered](Readers::steer).
    pub(in crate::client) fn advance(
        &mut self,
        id: ReaderId,
        range: Range<u64>,
    ) -> Option<TorrentId> {
        let torrent = *self.by_id.get(&id)?;
        let open = self.torrents.get_mut(&torrent)?.open.get_mut(&id)?;
        open.waiting = None;
        open.window.move_to(range.start);
        open.window.advance(range.end - range.start);
        Some(torrent)
    }

    /// Notes a new piece. Returns the reads that waited for it.
    pub(in crate::client) fn arrived(&mut self, torrent: TorrentId, piece: u32) -> Vec<Fetch> {
        let Some(of) = self.torrents.get_mut(&torrent) else { return Vec::new() };
        if of.pieces.arrived(piece) {
            self.changed.insert(torrent);
        }
        of.fetches(torrent)
    }

    /// Returns the torrents to steer: each once for all of its new pieces, and those with a reader that has
    /// waited long.
    pub(in crate::client) fn take_changed(&mut self, now: Instant) -> BTreeSet<TorrentId> {
        while let Some((due, id)) = self.slow.first().copied()
            && due <= now
        {
            self.slow.pop_first();
            let Some(torrent) = self.by_id.get(&id) else { continue };
            let of = self.torrents.get_mut(torrent);
            let Some(open) = of.and_then(|of| of.open.get_mut(&id)) else { continue };
            match open.window.waits_long_at() {
                Some(due) if due > now => _ = self.slow.insert((due, id)),
                long => {
                    open.is_timed = false;
                    if long.is_some() {
                        self.changed.insert(*torrent);
                    }
                }
            }
        }
        std::mem::take(&mut self.changed)
    }

    /// Forgets which pieces are available until libtorrent has answered again.
    pub(in crate::client) fn checking(&mut self, torrent: TorrentId) {
        if let Some(of) = self.torrents.get_mut(&torrent) {
            of.pieces.forget();
        }
    }

    /// Returns whether the reader must be closed after its first read.
    pub(in crate::client) fn is_once(&self, id: ReaderId) -> bool {
        let of = self.by_id.get(&id).and_then(|torrent| self.torrents.get(torrent));
        of.and_then(|of| of.open.get(&id)).is_some_and(|open| open.once)
    }

    /// Returns whether the torrent has readers, open or being opened.
    pub(in crate::client) fn are_there(&self, torrent: TorrentId) -> bool {
        self.torrents.get(&torrent).is_some_and(|of| !of.has_none())
    }

    /// Returns whether the reader is open or being opened.
    pub(in crate::client) fn has(&self, id: ReaderId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Returns whether the torrent has open readers.
    pub(in crate::client) fn is_open(&self, torrent: TorrentId) -> bool {
        self.torrents.get(&torrent).is_some_and(|of| !of.open.is_empty())
    }

    /// What changes for libtorrent now.
    pub(in crate::client) fn steer(&mut self, torrent: TorrentId, now: Instant) -> Option<Steer> {
        let of = self.torrents.get_mut(&torrent)?;
        if of.choosing > 0 {
            return None;
        }
        let plan = Plan::of(of.open.values().map(|open| &open.window), &of.pieces, now);
        let plan = plan.put_off(&of.plan, &of.pieces);
        let steer = plan.change_from(&of.plan, &of.pieces);
        of.plan = plan;
        self.free(torrent);
        steer
    }

    /// Returns the changes that restore the program's priorities, because the program is about to change
    /// them. Nothing is steered until the change has [ended](Readers::choice_ended).
    pub(in crate::client) fn choose(&mut self, torrent: TorrentId) -> Option<Steer> {
        let of = self.torrents.entry(torrent).or_default();
        of.choosing += 1;
        let nothing = Plan::default();
        let steer = nothing.change_from(&of.plan, &of.pieces);
        of.plan = nothing;
        steer
    }

    /// Notes that a change of priorities by the program has ended.
    pub(in crate::client) fn choice_ended(&mut self, torrent: TorrentId) {
        if let Some(of) = self.torrents.get_mut(&torrent) {
            of.choosing = of.choosing.saturating_sub(1);
        }
        self.free(torrent);
    }

    /// Returns the program's priorities, if libtorrent has others because of readers.
    pub(in crate::client) fn levels(&self, torrent: TorrentId) -> Option<&[u8]> {
        let of = self.torrents.get(&torrent)?;
        (of.plan != Plan::default()).then(|| of.pieces.levels())
    }

    /// Removes a reader. Returns its torrent, which must then be [steered](Readers::steer).
    pub(in crate::client) fn close(&mut self, id: ReaderId) -> Option<TorrentId> {
        let torrent = self.by_id.remove(&id)?;
        let of = self.torrents.get_mut(&torrent)?;
        of.opening.remove(&id);
        of.open.remove(&id);
        Some(torrent)
    }

    /// Fails the waiting reads of a torrent that has stopped. Its readers stay open.
    pub(in crate::client) fn fail(&mut self, torrent: TorrentId, error: &Error) {
        if let Some(of) = self.torrents.get_mut(&torrent) {
            of.fail(error);
        }
    }

    /// Removes all readers of a torrent that was removed.
    pub(super) fn remove(&mut self, torrent: TorrentId) -> Option<RemovedReaders> {
        let of = self.torrents.remove(&torrent)?;
        for id in of.opening.keys().chain(of.open.keys()) {
            self.by_id.remove(id);
        }
        let Self { due, slow, by_id, changed, .. } = self;
        for times in [due, slow] {
            times.retain(|(_, id)| by_id.contains_key(id));
        }
        changed.remove(&torrent);
        Some(RemovedReaders(of))
    }

    pub(in crate::client) fn next_due(&self) -> Option<Instant> {
        let firsts = [self.due.first(), self.slow.first()];
        firsts.into_iter().flatten().map(|(due, _)| *due).min()
    }

    /// Removes the readers whose time limit has passed, and fails their reads. Returns the torrents to steer.
    pub(in crate::client) fn expire(
        &mut self,
        now: Instant,
        error: impl Fn() -> Error,
    ) -> Vec<TorrentId> {
        let mut torrents = Vec::new();
        while let Some((due, id)) = self.due.first().copied()
            && due <= now
        {
            self.due.pop_first();
            let of = self.by_id.get(&id).and_then(|torrent| self.torrents.get_mut(torrent));
            let Some(of) = of else { continue };
            if let Some(opening) = of.opening.remove(&id) {
                opening.refuse(error());
            }
            if let Some(read) = of.open.get_mut(&id).and_then(|open| open.waiting.take()) {
                read.reply.send(Err(error()));
            }
            torrents.extend(self.close(id));
        }
        torrents
    }

    /// Returns whether nothing is left of any reader.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let Self { torrents, by_id, due, slow, changed, were_open: _ } = self;
        torrents.is_empty()
            && by_id.is_empty()
            && due.is_empty()
            && slow.is_empty()
            && changed.is_empty()
    }

    fn free(&mut self, torrent: TorrentId) {
        if self.torrents.get(&torrent).is_some_and(OfTorrent::is_idle) {
            self.torrents.remove(&torrent);
        }
    }
}

impl Open {
    /// Returns whether it reads only once and nobody waits for that any more.
    fn is_abandoned(&self) -> bool {
        self.once && self.waiting.as_ref().is_some_and(|read| read.reply.is_abandoned())
    }

    /// Takes the waiting read if its first byte is available.
    fn fetch(&mut self, torrent: TorrentId, pieces: &Pieces) -> Option<Fetch> {
        let Read { position, length, .. } = self.waiting.as_ref()?;
        let here = pieces.here(self.span, *position, *length);
        if here == 0 && *position < self.span.size && *length > 0 {
            return None;
        }
        let mut read = self.waiting.take()?;
        read.length = here;
        self.window.advance(here);
        Some(Fetch { torrent, span: self.span, read })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{ErrorKind, Result};
    use crate::messages::reading::{Opened, Opener};
    use crate::model::ReaderOptions;
    use crate::reply::{Reply, one_shot};

    const MIB: u64 = 1 << 20;

    impl<F: FnOnce(Result<Opened>) + Send> Opener for F {
        fn answer(self: Box<Self>, opened: Result<Opened>) {
            self(opened);
        }

        fn is_gone(&self) -> bool {
            false
        }
    }

    fn opening(torrent: TorrentId) -> Opening {
        let purpose = Purpose::Program(Box::new(|_: Result<Opened>| ()));
        Opening { torrent, target: ReadTarget::File(0), options: ReaderOptions::default(), purpose }
    }

    fn once(torrent: TorrentId, due: Instant) -> (Opening, Reply<Vec<u8>>) {
        let (responder, reply) = one_shot("test");
        let purpose = Purpose::Bytes(responder, due);
        let target = ReadTarget::Piece(3);
        (Opening { torrent, target, options: ReaderOptions::default(), purpose }, reply)
    }

    /// The answer for a file of 10 pieces of 1 MiB, of which these are available.
    fn look(have: &[usize]) -> Look {
        let mut pieces = vec![0; 10];
        have.iter().for_each(|piece| pieces[*piece] = 1);
        let span = Span { begin: 0, size: 10 * MIB };
        Look { span, piece_length: MIB, have: pieces, levels: Some(vec![4; 10]), view: None }
    }

    fn read(reader: ReaderId, position: u64) -> (Read, Reply<Vec<u8>>) {
        let (responder, reply) = one_shot("test");
        let into = Vec::new();
        (Read { reader, position, length: 2 * MIB, into, reply: responder }, reply)
    }

    fn open(readers: &mut Readers, torrent: TorrentId, have: &[usize]) -> ReaderId {
        let id = readers.begin(opening(torrent));
        assert!(readers.looked(id, &look(have)).is_some());
        id
    }

    fn kind(answer: Option<Result<Vec<u8>>>) -> Option<ErrorKind> {
        answer.and_then(|answer| answer.err()).map(|error| error.kind())
    }

    #[test]
    fn a_read_returns_available_data_and_otherwise_waits() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let id = open(&mut readers, torrent, &[0]);
        let Next::Fetch(fetch) = readers.read(read(id, MIB / 2).0, Instant::now()) else {
            panic!("not here")
        };
        assert_eq!((fetch.read.position, fetch.read.length), (MIB / 2, MIB / 2));
        assert!(
            matches!(readers.read(read(id, MIB).0, Instant::now()), Next::Wait(of) if of == torrent)
        );
        assert!(readers.arrived(torrent, 2).is_empty());
        let fetches = readers.arrived(torrent, 1);
        assert_eq!(fetches[0].read.length, 2 * MIB, "both, and no more than was asked for");
        assert_eq!(readers.take_changed(Instant::now()), [torrent].into());
        assert!(readers.arrived(torrent, 3).is_empty(), "it is answered once");
        let Next::Fetch(end) = readers.read(read(id, 10 * MIB).0, Instant::now()) else {
            panic!("waits")
        };
        assert_eq!(end.read.length, 0);
    }

    #[test]
    fn a_reader_that_reads_itself_moves_its_window_and_waits_no_more() {
        let (mut readers, torrent, now) = (Readers::default(), TorrentId::next(), Instant::now());
        let id = open(&mut readers, torrent, &[0, 5]);
        let (waits, reply) = read(id, MIB);
        assert!(matches!(readers.read(waits, now), Next::Wait(_)));
        assert_eq!(readers.advance(id, 5 * MIB..6 * MIB), Some(torrent));
        assert!(reply.try_take().is_some() && readers.arrived(torrent, 1).is_empty());
        assert_eq!(readers.steer(torrent, now).unwrap().levels, [(6, 7), (7, 6)]);
        readers.close(id);
        assert_eq!(readers.advance(id, 0..MIB), None);
    }

    #[test]
    fn a_reader_that_waits_long_gets_deadlines() {
        let (mut readers, torrent, now) = (Readers::default(), TorrentId::next(), Instant::now());
        let id = open(&mut readers, torrent, &[0, 1, 2, 3]);
        for position in [0, 2 * MIB] {
            assert!(matches!(readers.read(read(id, position).0, now), Next::Fetch(_)));
        }
        assert!(matches!(readers.read(read(id, 4 * MIB).0, now), Next::Wait(_)));
        assert_eq!(readers.steer(torrent, now).unwrap().deadlines, [], "it reads on");
        assert_eq!(readers.next_due(), Some(now + LONG_WAIT));
        assert!(readers.take_changed(now).is_empty());
        let late = now + LONG_WAIT;
        assert_eq!(readers.take_changed(late), [torrent].into());
        assert_ne!(readers.steer(torrent, late).unwrap().deadlines, []);
        assert_eq!((readers.next_due(), readers.take_changed(late)), (None, [].into()));
    }

    #[test]
    fn a_piece_that_arrives_before_libtorrent_looks_is_not_missed() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let id = readers.begin(opening(torrent));
        readers.arrived(torrent, 0);
        readers.looked(id, &look(&[]));
        assert!(matches!(readers.read(read(id, 0).0, Instant::now()), Next::Fetch(_)));
        readers.checking(torrent);
        assert!(matches!(readers.read(read(id, 0).0, Instant::now()), Next::Wait(_)));
        assert_eq!(readers.update(torrent, &look(&[0])).len(), 1);
    }

    #[test]
    fn what_nobody_waits_for_any_more_does_not_pile_up() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let due = Instant::now() + Duration::from_secs(3600);
        let awaited: Vec<_> = (0..100)
            .map(|number| {
                for _ in 0..10 {
                    let id = readers.begin(once(torrent, due).0);
                    if number % 2 == 0 {
                        readers.looked(id, &look(&[]));
                        readers.read(read(id, 0).0, Instant::now());
                    }
                }
                readers.begin(opening(torrent))
            })
            .collect();
        let opening = readers.opening(torrent);
        assert!(awaited.iter().all(|id| opening.contains(id)));
        let here = readers.by_id.len();
        assert!(here < 500, "{here} of 1100, of which 100 are waited for");
        assert_eq!(readers.due.len(), here - awaited.len());
    }

    #[test]
    fn a_read_that_takes_the_place_of_another_ends_it() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let id = open(&mut readers, torrent, &[]);
        let (first, reply) = read(id, 0);
        readers.read(first, Instant::now());
        readers.read(read(id, 5 * MIB).0, Instant::now());
        assert!(reply.try_take().is_some());
        assert!(readers.arrived(torrent, 0).is_empty());
        assert_eq!(readers.arrived(torrent, 5).len(), 1);
    }

    #[test]
    fn closing_the_last_reader_restores_everything() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let ids = [open(&mut readers, torrent, &[]), open(&mut readers, torrent, &[])];
        let steer = readers.steer(torrent, Instant::now()).unwrap();
        assert_eq!(steer.levels, [(0, 7), (1, 6)]);
        assert_eq!(readers.levels(torrent), Some(&[4; 10][..]));
        assert_eq!(readers.steer(torrent, Instant::now()), None, "nothing has changed");
        assert_eq!(readers.close(ids[0]), Some(torrent));
        assert_eq!(readers.steer(torrent, Instant::now()), None);
        assert_eq!(readers.close(ids[1]), Some(torrent));
        let steer = readers.steer(torrent, Instant::now()).unwrap();
        assert_eq!((steer.levels, steer.dropped), (vec![(0, 4), (1, 4)], vec![0, 1]));
        assert!(!readers.are_open() && readers.torrents.is_empty());
        assert_eq!(readers.close(ids[1]), None);
        assert_eq!(readers.take_news(), None, "it has not been asked meanwhile");
        open(&mut readers, torrent, &[]);
        assert_eq!((readers.take_news(), readers.take_news()), (Some(true), None));
    }

    #[test]
    fn a_reader_that_replaces_another_restores_the_levels_of_the_program() {
        let (mut readers, torrent, now) = (Readers::default(), TorrentId::next(), Instant::now());
        let first = open(&mut readers, torrent, &[]);
        readers.steer(torrent, now).unwrap();
        let second = readers.begin(opening(torrent));
        // The answer would have the levels of the first.
        assert!(readers.levels(torrent).is_some());
        readers.close(first);
        assert_eq!(readers.steer(torrent, now).unwrap().levels, [(0, 4), (1, 4)]);
        assert!(readers.looked(second, &Look { levels: None, ..look(&[]) }).is_some());
        assert_eq!(readers.steer(torrent, now).unwrap().levels, [(0, 7), (1, 6)]);
        assert_eq!(readers.levels(torrent), Some(&[4; 10][..]));
        readers.close(second);
        assert_eq!(readers.steer(torrent, now).unwrap().levels, [(0, 4), (1, 4)]);
        assert!(readers.torrents.is_empty(), "the next reader asks again");
    }

    #[test]
    fn the_program_chooses_among_what_it_set_itself() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let id = open(&mut readers, torrent, &[]);
        readers.steer(torrent, Instant::now()).unwrap();
        let back = readers.choose(torrent).unwrap();
        assert_eq!(back.levels, [(0, 4), (1, 4)]);
        assert_eq!(readers.steer(torrent, Instant::now()), None, "not while it chooses");
        assert_eq!(readers.levels(torrent), None, "libtorrent's are the program's");
        let chosen = Look { levels: Some(vec![2; 10]), ..look(&[]) };
        readers.update(torrent, &chosen);
        readers.choice_ended(torrent);
        assert_eq!(readers.steer(torrent, Instant::now()).unwrap().levels, [(0, 7), (1, 6)]);
        assert_eq!(readers.levels(torrent), Some(&[2; 10][..]));
        readers.close(id);
        assert_eq!(readers.steer(torrent, Instant::now()).unwrap().levels, [(0, 2), (1, 2)]);
        assert_eq!(readers.choose(torrent), None);
        readers.choice_ended(torrent);
        assert!(readers.torrents.is_empty());
    }

    #[test]
    fn a_torrent_that_fails_ends_waits_and_a_removed_one_ends_readers() {
        let (mut readers, torrent) = (Readers::default(), TorrentId::next());
        let id = open(&mut readers, torrent, &[]);
        let (first, reply) = read(id, 0);
        readers.read(first, Instant::now());
        readers.fail(torrent, &Error::new(ErrorKind::Disk, "test", "full"));
        assert_eq!(kind(reply.try_take()), Some(ErrorKind::Disk));
        let (second, reply) = read(id, 0);
        assert!(
            matches!(readers.read(second, Instant::now()), Next::Wait(_)),
            "it may be tried again"
        );
        let (sender, refused) = std::sync::mpsc::channel();
        let purpose = Purpose::Program(Box::new(move |answer: Result<Opened>| {
            sender.send(answer.is_err()).unwrap()
        }));
        readers.begin(Opening { purpose, ..opening(torrent) });
        let removed = readers.remove(torrent).unwrap();
        removed.fail(&Error::new(ErrorKind::Gone, "test", "removed"));
        assert_eq!(kind(reply.try_take()), Some(ErrorKind::Gone));
        assert!(refused.recv().unwrap());
        assert!(matches!(readers.read(read(id, 0).0, Instant::now()), Next::Gone(_)));
        assert!(!readers.are_open());
    }

    #[test]
    fn a_wait_for_a_piece_ends_when_its_time_is_over() {
        let (mut readers, torrent, now) = (Readers::default(), TorrentId::next(), Instant::now());
        let late = || Error::new(ErrorKind::TimedOut, "test", "late");
        let (opening, unopened) = once(torrent, now + Duration::from_secs(1));
        let first = readers.begin(opening);
        let (opening, reply) = once(torrent, now + Duration::from_secs(2));
        let second = readers.begin(opening);
        let Some(Opening { purpose: Purpose::Bytes(reply_there, _), .. }) =
            readers.looked(second, &look(&[]))
        else {
            panic!("not opened")
        };
        let into = Vec::new();
        let wait = Read { reader: second, position: 0, length: MIB, into, reply: reply_there };
        readers.read(wait, Instant::now());
        assert!(readers.is_once(second));
        assert_eq!(readers.next_due(), Some(now + Duration::from_secs(1)));
        assert!(readers.expire(now, late).is_empty());
        assert_eq!(readers.expire(now + Duration::from_secs(1), late), [torrent]);
        assert_eq!(kind(unopened.try_take()), Some(ErrorKind::TimedOut));
        assert_eq!(readers.expire(now + Duration::from_secs(3), late), [torrent]);
        assert_eq!(kind(reply.try_take()), Some(ErrorKind::TimedOut));
        assert!(readers.refuse(first).is_none() && !readers.are_open());
    }
}
