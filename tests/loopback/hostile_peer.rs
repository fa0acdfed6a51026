//! A malicious peer (BEP 3, 6, 9, 10): it may cost nothing but its connection.

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use openssl::sha::sha1;
use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{Magnet, Metainfo, Protocol};
use torrent_patron::{AddOptions, ClientBuilder, Event, Patron, Source, TorrentId};

use crate::await_event;
use crate::support::bencode::{dict, list, number, text};
use crate::support::wire::{
    BITFIELD, CHOKE, EXTENDED, EXTENSIONS, FAST, HANDSHAKE_LENGTH, HASH_REJECT, HASH_REQUEST,
    HASHES, HAVE, HAVE_ALL, INTERESTED, PIECE, PROTOCOL_V2, REJECT, REQUEST, UNCHOKE,
    answer_handshake, handshake, info_hash, message, number_at, offer_metadata, receive,
    receive_only, request, send, serve_metadata,
};
use crate::support::{
    PATIENCE, Seeder, address, builder, data, drain, finished, maker, noise, same, still_works,
    until, wait_for,
};

/// What a peer does after a valid handshake.
#[derive(Debug, Clone)]
enum Harm {
    /// Claims to have everything, and answers a request with wrong data.
    CorruptPiece,
    /// Answers all requests with wrong data; those for the last block of each of this many pieces
    /// together, so that the pieces are checked together.
    CorruptPieces { count: usize, length: u32 },
    /// Sends meaningless bytes.
    Garbage,
    /// Announces a message of 2 GiB.
    HugeMessage,
    /// Announces a message of a negative length.
    NegativeMessage,
    /// A bitfield for another number of pieces.
    WrongBitfield,
    /// Announces a piece far beyond the last.
    WrongHave,
    /// Sends a block that was not requested, of a piece that does not exist.
    UnaskedBlock,
    /// Sends the same block over and over, unrequested.
    UnaskedBlocks,
    /// Closes in the middle of a block.
    CloseMidPiece,
    /// Closes at once.
    Close,
    /// Sends metadata that does not match the info hash.
    FalseMetadata(Arc<[u8]>),
    /// Announces metadata of 2 GiB.
    HugeMetadata,
    /// None: the peer has this data, in pieces of this length, but not the FAST extension (BEP 6). It
    /// chokes, and the blocks that it was about to send come after that.
    LateBlocks { data: Arc<[u8]>, piece: u32 },
}

impl Harm {
    /// The extensions that the peer has.
    fn reserved(&self) -> u64 {
        let fast = if matches!(self, Self::LateBlocks { .. }) { 0 } else { FAST };
        EXTENSIONS | fast
    }
}

struct HostilePeer {
    address: SocketAddr,
    /// Receives a token each time the harm has been done.
    done: Receiver<()>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HostilePeer {
    fn start(harm: Harm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, done) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !stopped.load(Ordering::Relaxed)
            {
                // The other end closes the connection at some point.
                let _ = Connection::shake_hands(stream, harm.reserved())
                    .and_then(|mut to| to.harm(&harm, &tell));
            }
        });
        Self { address, done, stop, thread: Some(thread) }
    }

    fn is_done(&self) {
        self.done.recv_timeout(PATIENCE).expect("the peer was not asked");
    }
}

impl Drop for HostilePeer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

struct Connection(TcpStream);

impl Connection {
    fn shake_hands(mut stream: TcpStream, reserved: u64) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE / 4))?;
        answer_handshake(&mut stream, reserved, b"=EVIL01=============")?;
        Ok(Self(stream))
    }

    fn harm(&mut self, harm: &Harm, done: &Sender<()>) -> Result<()> {
        let told = || {
            let _ = done.send(());
        };
        let wrong: &[u8] = match harm {
            Harm::CorruptPiece => return self.corrupt(told),
            Harm::CorruptPieces { count, length } => {
                return self.corrupt_all(*count, *length, told);
            }
            Harm::UnaskedBlocks => return self.pour(told),
            Harm::LateBlocks { data, piece } => return self.answer_late(data, *piece, told),
            Harm::CloseMidPiece => return self.close_mid_piece(told),
            Harm::Close => {
                told();
                return Ok(());
            }
            Harm::FalseMetadata(metadata) => {
                offer_metadata(&mut self.0, metadata.len())?;
                serve_metadata(&mut self.0, metadata)?;
                told();
                // libtorrent 2.0.8 would keep asking this connection before any other.
                return Ok(());
            }
            Harm::HugeMetadata => {
                offer_metadata(&mut self.0, i32::MAX as usize)?;
                told();
                return self.until_closed();
            }
            Harm::Garbage => &noise(66, 100_000),
            Harm::HugeMessage => &[0x7f, 0xff, 0xff, 0xff, PIECE, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3],
            Harm::NegativeMessage => &[0xff, 0xff, 0xff, 0xff, PIECE, 0, 0, 0, 0, 0, 0, 0, 0],
            Harm::WrongBitfield => &[0, 0, 0, 100, BITFIELD],
            Harm::WrongHave => &[0, 0, 0, 5, HAVE, 0x7f, 0xff, 0xff, 0xff],
            Harm::UnaskedBlock => &[0, 0, 0, 10, PIECE, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1],
        };
        self.0.write_all(wrong)?;
        if matches!(harm, Harm::WrongBitfield) {
            self.0.write_all(&[0xff; 99])?;
        }
        told();
        self.until_closed()
    }

    /// Answers one request for a block with wrong data. One piece is enough: if several were
    /// checked while an honest peer runs out of work, libtorrent 2.0.8 would not request the pieces
    /// that then fail from that peer again (`torrent::on_piece_sync`).
    fn corrupt(&mut self, told: impl Fn()) -> Result<()> {
        let request = self.be_asked()?;
        self.send(PIECE, &[&request[..8], &wrong_block(&request)].concat())?;
        told();
        self.until_closed()
    }

    fn corrupt_all(&mut self, count: usize, piece: u32, told: impl Fn()) -> Result<()> {
        let mut last = Vec::new();
        let mut request = self.be_asked()?;
        loop {
            let (begin, block) = (number_at(&request, 4), wrong_block(&request));
            let answer = [&request[..8], &block].concat();
            if begin as usize + block.len() < piece as usize {
                self.send(PIECE, &answer)?;
            } else {
                last.push(answer);
            }
            if last.len() == count {
                break;
            }
            request = self.receive(REQUEST)?;
        }
        for answer in last {
            self.send(PIECE, &answer)?;
        }
        told();
        self.until_closed()
    }

    /// Repeats it often enough that the peer does not seem to have stopped.
    fn pour(&mut self, told: impl Fn()) -> Result<()> {
        self.be_asked()?;
        told();
        let block = [[0; 8].as_slice(), &[0x66; 16 * 1024]].concat();
        loop {
            self.send(PIECE, &block)?;
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answer_late(&mut self, data: &[u8], piece: u32, told: impl Fn()) -> Result<()> {
        let pieces = data.len().div_ceil(piece as usize);
        let mut bitfield = vec![0_u8; pieces.div_ceil(8)];
        for piece in 0..pieces {
            bitfield[piece / 8] |= 0x80 >> (piece % 8);
        }
        self.send(BITFIELD, &bitfield)?;
        self.send(UNCHOKE, &[])?;
        let late = [self.receive(REQUEST)?, self.receive(REQUEST)?];
        self.send(CHOKE, &[])?;
        for request in &late {
            self.answer(request, data, piece)?;
        }
        told();
        self.send(UNCHOKE, &[])?;
        loop {
            let request = self.receive(REQUEST)?;
            self.answer(&request, data, piece)?;
        }
    }

    fn answer(&mut self, request: &[u8], data: &[u8], piece: u32) -> Result<()> {
        let [number, begin, length] = [0, 4, 8].map(|at| number_at(request, at) as usize);
        let begin = number * piece as usize + begin;
        self.send(PIECE, &[&request[..8], &data[begin..begin + length]].concat())
    }

    fn close_mid_piece(&mut self, told: impl Fn()) -> Result<()> {
        let request = self.be_asked()?;
        let block = message(PIECE, &[&request[..8], &wrong_block(&request)].concat());
        self.0.write_all(&block[..block.len() / 2])?;
        told();
        Ok(())
    }

    /// Claims to have everything, and waits for a request.
    fn be_asked(&mut self) -> Result<Vec<u8>> {
        self.send(HAVE_ALL, &[])?;
        self.send(UNCHOKE, &[])?;
        self.receive(REQUEST)
    }

    fn until_closed(&mut self) -> Result<()> {
        std::io::copy(&mut self.0, &mut std::io::sink()).map(|_| ())
    }

    fn send(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        send(&mut self.0, kind, payload)
    }

    /// The next message of a kind; others are skipped.
    fn receive(&mut self, wanted: u8) -> Result<Vec<u8>> {
        receive_only(&mut self.0, wanted)
    }
}

/// Wrong data of the length that a request asks for.
fn wrong_block(request: &[u8]) -> Vec<u8> {
    vec![0x66; number_at(request, 8) as usize]
}

/// A client that connects to its peers directly: over TCP and without encryption.
pub(crate) fn plain(save_dir: &std::path::Path) -> ClientBuilder {
    builder(save_dir)
        .setting("enable_outgoing_utp", false)
        .setting("enable_incoming_utp", false)
        .setting("out_enc_policy", 2) // disabled
}

/// The errors that were reported for a torrent.
fn errors(patron: &Patron, id: TorrentId) -> Vec<String> {
    drain(patron, |event| match event {
        Event::Error { id: on, .. } if on == id => Some(event.to_string()),
        _ => None,
    })
}

fn torrent(path: &std::path::Path) -> Metainfo {
    maker(path, Protocol::V1).start().unwrap().wait().unwrap()
}

#[test]
fn a_corrupt_piece_is_reported_and_never_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = data(&from, "data.bin", 21, 200_000);
    let metainfo = torrent(&file);
    let peer = HostilePeer::start(Harm::CorruptPiece);

    let client = plain(&to).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().add_peers([peer.address]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let (mut failed, mut banned) = (false, false);
    wait_for(&patron, "HashFailed and PeerBanned", |event| {
        match event {
            Event::HashFailed { id: on, piece, .. } => {
                assert!(*on == id && *piece < metainfo.piece_count, "{event:?}");
                failed = true;
            }
            Event::PeerBanned { id: on, address, .. } => {
                assert_eq!((*on, *address), (id, peer.address));
                banned = true;
            }
            _ => return None,
        }
        println!("{event}");
        (failed && banned).then_some(())
    });
    assert_eq!(patron.fresh_status(id).wait().unwrap().total_done, 0);

    let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
    finished(&patron, id);
    assert!(same(&file, &to.join("data.bin")));
    assert_eq!(errors(&patron, id), [""; 0]);
    still_works(&patron);
}

/// libtorrent 2.0 reads corrupt data once more, to find out who sent it, and would end the process
/// if it is stopped before that is done (see `cpp/disk/file_jobs.hpp`).
#[test]
fn a_client_stops_while_corrupt_pieces_are_investigated() {
    let (count, length) = (8, 1 << 20);
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 24, count << 20);
    let maker = maker(&file, Protocol::V1).piece_length(length);
    let metainfo = maker.start().unwrap().wait().unwrap();
    for round in 0..6 {
        let reads = if round % 2 == 0 { "stock" } else { "copy" };
        let peer = HostilePeer::start(Harm::CorruptPieces { count, length });
        let to = dir.path().join(round.to_string());
        let builder = plain(&to).setting("disk_reads", reads).setting("aio_threads", 1);
        let client = builder.start().unwrap();
        let patron = client.patron();
        let options = AddOptions::default().add_peers([peer.address]);
        let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
        await_event!(patron, Event::HashFailed { id: on, .. } if *on == id);
        let report = client.shutdown(PATIENCE).wait();
        assert!(report.engine_ended, "{report}");
        println!("{report}");
    }
}

#[test]
fn a_peer_that_breaks_the_protocol_loses_its_connection_alone() {
    for harm in [
        Harm::Garbage,
        Harm::HugeMessage,
        Harm::NegativeMessage,
        Harm::WrongBitfield,
        Harm::WrongHave,
        Harm::UnaskedBlock,
        Harm::CloseMidPiece,
        Harm::Close,
        Harm::HugeMetadata,
    ] {
        println!("{harm:?}");
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let file = data(&from, "data.bin", 22, 100_000);
        let metainfo = torrent(&file);
        let peer = HostilePeer::start(harm);

        let client = plain(&to).start().unwrap();
        let patron = client.patron();
        let options = AddOptions::default().add_peers([peer.address]);
        let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
        peer.is_done();

        let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
        finished(&patron, id);
        assert!(same(&file, &to.join("data.bin")));
        assert_eq!(errors(&patron, id), [""; 0]);
    }
}

/// libtorrent also disconnects in this way when two clients connect to each other at the same moment. By
/// default it waits a minute before it tries again.
#[test]
fn an_offline_client_soon_reconnects_to_a_peer_that_disconnected() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = torrent(&data(&dir.path().join("from"), "data.bin", 25, 100_000));
    let peer = HostilePeer::start(Harm::Close);
    let client = plain(&dir.path().join("to")).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().add_peers([peer.address]);
    patron.add_torrent(&metainfo, options).wait().unwrap();
    let began = Instant::now();
    for _ in 0..4 {
        peer.is_done();
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn false_metadata_is_reported_and_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = data(&from, "data.bin", 23, 100_000);
    let metainfo = torrent(&file);
    let info = dict([
        ("length", number(16384)),
        ("name", text("false.bin")),
        ("piece length", number(16384)),
        ("pieces", text([9; 20])),
    ]);
    let peer = HostilePeer::start(Harm::FalseMetadata(info.into()));

    let client = plain(&to).start().unwrap();
    let patron = client.patron();
    let link = format!("magnet:?xt=urn:btih:{}", metainfo.info_hashes);
    let magnet: Magnet = link.parse().unwrap();
    let options = AddOptions::default().add_peers([peer.address]);
    let id = patron.add_torrent(&magnet, options).wait().unwrap().id();
    let error = await_event!(
        patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
    );
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::NoMetadata);
    assert!(error.message().contains("info-hash"), "{error}");
    let status = patron.fresh_status(id).wait().unwrap();
    assert!(!status.has_metadata && !status.paused, "{status:?}");

    let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
    await_event!(patron, Event::MetadataReceived { id: on, name, .. } if *on == id => {
        assert_eq!(&**name, "data.bin");
    });
    finished(&patron, id);
    assert!(same(&file, &to.join("data.bin")));
    assert!(!to.join("false.bin").exists());
    still_works(&patron);
}

/// libtorrent would read the hashes from beyond the end of the metadata.
#[test]
fn metadata_of_both_versions_without_v1_hashes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let length = || number(8 << 20);
    let file = dict([("length", length()), ("pieces root", text([7; 32]))]);
    let info = dict([
        ("file tree", dict([("f", dict([("", file)]))])),
        ("length", length()),
        ("meta version", number(2)),
        ("name", text("f")),
        ("piece length", number(16384)),
    ]);
    let error = Metainfo::decode(&dict([("info", info.clone())])).unwrap_err();
    assert!(error.message().contains("'pieces' entry"), "{error}");

    let peer = HostilePeer::start(Harm::FalseMetadata(info.into()));
    let client = plain(dir.path()).start().unwrap();
    let patron = client.patron();
    let link = "magnet:?xt=urn:btih:7088f5ca9e971fdddaa808786cb4f797b87ee0c8";
    let options = AddOptions::default().add_peers([peer.address]);
    let id = patron.add_torrent(Source::Magnet(link.into()), options).wait().unwrap().id();
    // libtorrent 2.1.2 refuses it, too, with another error before this one.
    await_event!(
        patron, Event::Error { id: on, error, .. }
            if *on == id && error.message().contains("'pieces' entry")
    );
    still_works(&patron);
}

/// libtorrent would keep each path on the way to the file, on its network thread: 25 MB here, and 2.5 GB for a
/// path of 50,000.
#[test]
fn metadata_that_costs_many_times_its_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let link = dict([
        ("attr", text("l")),
        ("length", number(0)),
        ("path", list([text("x")])),
        ("symlink path", list([text("none")])),
    ]);
    let deep = list((0..5_000).map(|_| text("a")));
    let info = dict([
        ("files", list([link, dict([("length", number(1)), ("path", deep)])])),
        ("name", text("f")),
        ("piece length", number(16384)),
        ("pieces", text([7; 20])),
    ]);
    let hash: String = sha1(&info).iter().map(|byte| format!("{byte:02x}")).collect();
    let peer = HostilePeer::start(Harm::FalseMetadata(info.into()));
    let client = plain(dir.path()).start().unwrap();
    let patron = client.patron();
    let source = Source::Magnet(format!("magnet:?xt=urn:btih:{hash}").into());
    let options = AddOptions::default().add_peers([peer.address]);
    let id = patron.add_torrent(source, options).wait().unwrap().id();
    await_event!(
        patron, Event::Error { id: on, error, .. }
            if *on == id && error.kind() == ErrorKind::NoMetadata
                && error.message().contains("'name'")
    );
    until("it is paused", || patron.fresh_status(id).wait().unwrap().paused);
    still_works(&patron);
}

/// Pieces of metadata whose place is no place: 2^50 times the size of a piece is 0 in 64 bits.
#[test]
fn pieces_of_metadata_with_impossible_numbers_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let client = plain(dir.path()).start().unwrap();
    let patron = client.patron();
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let source = Source::Magnet(format!("magnet:?xt=urn:btih:{hash}").into());
    let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
    let info_hash = patron.status(id).unwrap().info_hashes.v1.unwrap();
    let mut stream = TcpStream::connect(address(&patron)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&handshake(EXTENSIONS | FAST, &info_hash.0, b"=EVIL08=============")).unwrap();
    stream.read_exact(&mut [0; HANDSHAKE_LENGTH]).unwrap();
    offer_metadata(&mut stream, 100).unwrap();
    // libtorrent's number for these messages.
    const METADATA: u8 = 2;
    for piece in [1_i64 << 50, 1, -1, i64::MAX, i64::MIN] {
        let head =
            dict([("msg_type", number(1)), ("piece", number(piece)), ("total_size", number(100))]);
        send(&mut stream, EXTENDED, &[&[METADATA], &head[..], &[0; 100]].concat()).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    still_works(&patron);
}

#[test]
fn metadata_of_several_messages_is_received_and_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 37, 32 << 20);
    let making = maker(&file, Protocol::V1).piece_length(16 << 10).start().unwrap();
    let seeder = Seeder::with(&file, making.wait().unwrap());
    let mut from = address(&seeder.patron);
    let mut clients = Vec::new();
    for name in ["one", "two"] {
        let client = plain(&dir.path().join(name)).start().unwrap();
        let patron = client.patron();
        let hash = seeder.metainfo.info_hashes.v1.unwrap();
        let source = Source::Magnet(format!("magnet:?xt=urn:btih:{hash}").into());
        let options = AddOptions::default().add_peers([from]);
        let id = patron.add_torrent(source, options).wait().unwrap().id();
        await_event!(patron, Event::MetadataReceived { id: on, .. } if *on == id => ());
        let metainfo = patron.metainfo(id).wait().unwrap();
        assert_eq!(metainfo.info_hashes, seeder.metainfo.info_hashes);
        from = address(&patron);
        clients.push(client);
    }
}

/// A pad file has no hashes, and its root is zeros.
#[test]
fn hashes_of_a_pad_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("from/album");
    for (seed, name) in [(28, "one.bin"), (29, "two.bin")] {
        data(&album, name, seed, 100_000);
    }
    for protocol in [Protocol::Hybrid, Protocol::V2] {
        let making = maker(&album, protocol).piece_length(128 << 10).start().unwrap();
        let seeder = Seeder::with(&album, making.wait().unwrap());
        let patron = &seeder.patron;
        let v2 = seeder.metainfo.info_hashes.v2.unwrap();
        for (kind, count) in [(HASH_REQUEST, 2), (HASHES, 2), (HASHES, 1), (HASH_REJECT, 2)] {
            let mut stream = TcpStream::connect(address(patron)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let hello = handshake(FAST | PROTOCOL_V2, &v2.0[..20], b"=EVIL03=============");
            let numbers = [0, 0, count, 0].map(u32::to_be_bytes).concat();
            let hashes = vec![1; 32 * count as usize];
            let sent = if kind == HASHES { &hashes[..] } else { &[] };
            let wrong = message(kind, &[&[0; 32], &numbers[..], sent].concat());
            stream.write_all(&[hello, wrong].concat()).unwrap();
            // A request is rejected; the others may end the connection.
            if kind == HASH_REQUEST {
                stream.read_exact(&mut [0; HANDSHAKE_LENGTH]).unwrap();
                receive_only(&mut stream, HASH_REJECT).unwrap();
            } else {
                stream.shutdown(Shutdown::Write).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
        still_works(patron);
    }
}

/// libtorrent would request hashes of it from the peer, and a v1 torrent has no hash trees.
#[test]
fn a_peer_that_claims_v2_before_a_v1_torrent_has_metadata_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 31, 100_000);
    let metainfo = torrent(&file);
    let torrent_file = metainfo.torrent_file();
    let at = torrent_file.windows(7).position(|key| key == b"4:infod").unwrap() + 6;
    let info = &torrent_file[at..torrent_file.len() - 1];
    let client = plain(&dir.path().join("to")).start().unwrap();
    let patron = client.patron();
    let link = format!("magnet:?xt=urn:btih:{}", metainfo.info_hashes);
    let source = Source::Magnet(link.into());
    let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();

    let mut stream = TcpStream::connect(address(&patron)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let reserved = EXTENSIONS | FAST | PROTOCOL_V2;
    let hello = handshake(reserved, &info_hash(&metainfo), b"=EVIL05=============");
    stream.write_all(&hello).unwrap();
    stream.read_exact(&mut [0; HANDSHAKE_LENGTH]).unwrap();
    offer_metadata(&mut stream, info.len()).unwrap();
    serve_metadata(&mut stream, info).unwrap();
    await_event!(patron, Event::MetadataReceived { id: on, .. } if *on == id => ());
    let _ = stream.write_all(&[message(HAVE_ALL, &[]), message(UNCHOKE, &[])].concat());
    await_event!(patron, Event::Checked { id: on, .. } if *on == id => ());
    receive_only(&mut stream, REQUEST).unwrap();
    still_works(&patron);
}

/// When a piece is wrong, the hashes of its blocks are requested from any peer. libtorrent would record a reject
/// beyond the end of a list.
#[test]
fn rejected_requests_for_the_hashes_of_blocks_do_no_harm() {
    const PIECE_LENGTH: u32 = 32 << 10;
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 30, 12 << 20);
    let making = maker(&file, Protocol::V2).piece_length(PIECE_LENGTH).start().unwrap();
    let metainfo = making.wait().unwrap();
    let bytes: Arc<[u8]> = std::fs::read(&file).unwrap().into();
    let (rejected, rejects) = channel();
    // Not at the address of other peers, because some will be banned.
    let peers: Vec<_> = (2..8_u8)
        .map(|number| {
            let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, number), 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let (bytes, rejected) = (bytes.clone(), rejected.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let _ = serve_and_reject(stream, &bytes, PIECE_LENGTH, &rejected);
                }
            });
            address
        })
        .collect();
    let client = plain(&dir.path().join("to")).start().unwrap();
    let patron = client.patron();
    patron.add_torrent(&metainfo, AddOptions::default().add_peers(peers)).wait().unwrap();
    rejects.recv_timeout(PATIENCE).unwrap();
    still_works(&patron);
}

/// Sends some wrong blocks of the last pieces, and rejects all requests for hashes.
fn serve_and_reject(
    mut stream: TcpStream,
    bytes: &[u8],
    piece_length: u32,
    rejected: &Sender<()>,
) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    answer_handshake(&mut stream, FAST | PROTOCOL_V2, b"=EVIL04=============")?;
    send(&mut stream, HAVE_ALL, &[])?;
    send(&mut stream, UNCHOKE, &[])?;
    let mut sent = 0;
    loop {
        match receive(&mut stream)? {
            (REQUEST, asked) => {
                let [piece, offset, length] = [0, 4, 8].map(|at| number_at(&asked, at));
                let first = (piece * piece_length + offset) as usize;
                let mut block = bytes[first..first + length as usize].to_vec();
                sent += 1;
                // The hashes of these blocks are beyond the first 512.
                if piece >= 256 && sent % 3 == 0 {
                    block[0] ^= 1;
                }
                send(&mut stream, PIECE, &[&asked[..8], &block].concat())?;
            }
            (HASH_REQUEST, asked) => {
                send(&mut stream, HASH_REJECT, &asked)?;
                let _ = rejected.send(());
            }
            _ => {}
        }
    }
}

/// libtorrent takes such a peer for one that delivers, and waits for the blocks that it requested from it.
#[test]
fn a_peer_that_sends_blocks_unasked_does_not_hold_up_a_download() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = data(&from, "data.bin", 26, 8 << 20);
    let metainfo = maker(&file, Protocol::V1).piece_length(64 * 1024);
    let metainfo = metainfo.start().unwrap().wait().unwrap();
    let peer = HostilePeer::start(Harm::UnaskedBlocks);
    let client = plain(&to).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().add_peers([peer.address]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    peer.is_done();
    let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
    finished(&patron, id);
    assert!(same(&file, &to.join("data.bin")));
}

/// Where a peer has no FAST extension, libtorrent takes its choke for a rejection of all requests.
#[test]
fn a_peer_without_the_fast_extension_may_answer_late() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let (file, piece) = (data(&from, "data.bin", 29, 1 << 20), 64 * 1024);
    let metainfo = maker(&file, Protocol::V1).piece_length(piece).start().unwrap().wait().unwrap();
    let data = std::fs::read(&file).unwrap().into();
    let peer = HostilePeer::start(Harm::LateBlocks { data, piece });
    let client = plain(&to).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().add_peers([peer.address]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    peer.is_done();
    assert!(peer.done.try_recv().is_err(), "it was disconnected");
    assert!(same(&file, &to.join("data.bin")));
}

fn call(patron: &Patron, metainfo: &Metainfo) -> TcpStream {
    let mut stream = TcpStream::connect(address(patron)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let hello = handshake(FAST, &info_hash(metainfo), b"=EVIL02=============");
    // It may be closed at once.
    let _ = stream.write_all(&[hello, message(INTERESTED, &[])].concat());
    stream
}

#[test]
fn a_peer_that_asks_and_does_not_read_is_disconnected() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 27, 1 << 20));
    for length in [16 * 1024_u32, 1] {
        let mut stream = call(&seeder.patron, &seeder.metainfo);
        let one = |number: u32| {
            let begin = if length == 1 { number % 16_000 } else { 0 };
            request(number % 64, begin, length)
        };
        let requests: Vec<u8> = (0..10_000).flat_map(one).collect();
        // Refusals take as much space as requests do.
        let mut sent = 0_usize;
        while sent < 64 << 20 && stream.write_all(&requests).is_ok() {
            sent += requests.len();
        }
        assert!(sent < 64 << 20, "{length}: {sent} bytes of requests were taken");
    }
    still_works(&seeder.patron);
}

/// libtorrent reports each of them to the program, which costs more than serving a block.
#[test]
fn a_peer_that_sends_invalid_requests_is_disconnected_soon() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 30, 1 << 20));
    let absent = plain(&dir.path().join("absent")).start().unwrap();
    let leecher = absent.patron();
    leecher.add_torrent(&seeder.metainfo, AddOptions::default()).wait().unwrap();
    // Until then, libtorrent closes connections.
    await_event!(leecher, Event::Checked { .. });
    let pieces = seeder.metainfo.piece_count;
    for (what, patron, [piece, begin, length]) in [
        ("no piece", &seeder.patron, [pieces, 0, 16 * 1024]),
        ("no block", &seeder.patron, [0, 1 << 30, 16 * 1024]),
        ("too large", &seeder.patron, [0, 0, 1 << 17]),
        ("not here", &leecher, [0, 0, 16 * 1024]),
    ] {
        let mut peer = Connection(call(patron, &seeder.metainfo));
        peer.0.read_exact(&mut [0; HANDSHAKE_LENGTH]).unwrap();
        peer.0.write_all(&request(piece, begin, length).repeat(1000)).unwrap();
        let mut refused = 0;
        let end = loop {
            match peer.receive(REJECT) {
                Ok(_) => refused += 1,
                Err(error) => break error,
            }
        };
        println!("{what}: {refused} refused, {end}");
        assert_ne!(end.kind(), std::io::ErrorKind::WouldBlock, "{what}: {refused} refused");
        // Twice as many if a second ends in between.
        assert!(refused <= 200, "{what}: {refused}");
    }
    still_works(&seeder.patron);
}

/// They would take the places of other peers until libtorrent's handshake timeout.
#[test]
fn connections_that_say_nothing_do_not_shut_others_out() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 28, 100_000));
    let (began, limit) = (Instant::now(), Duration::from_secs(6));
    let silent: Vec<_> =
        (0..200).map(|_| TcpStream::connect(address(&seeder.patron)).unwrap()).collect();
    until("a handshake", || {
        let mut stream = call(&seeder.patron, &seeder.metainfo);
        stream.set_read_timeout(Some(limit)).unwrap();
        stream.read_exact(&mut [0; HANDSHAKE_LENGTH]).is_ok()
    });
    println!("{:?}", began.elapsed());
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    drop(silent);
}

/// Messages that cost the sender nothing and are all handled by the network thread.
#[test]
fn peers_that_flood_messages_do_not_hold_up_other_transfers() {
    let kinds: [(&str, &[u8]); 3] = [
        ("keep-alives", &[0; 4]),
        ("interest", &[0, 0, 0, 1, 2, 0, 0, 0, 1, 3]),
        ("handshakes", b"\0\0\0\x1a\x14\0d1:md11:ut_metadatai3eee"),
    ];
    for (kind, message) in kinds {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 29, 32 << 20);
        let seeder = Seeder::of(&file);
        let messages = message.repeat((1 << 20) / message.len());
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut stream = call(&seeder.patron, &seeder.metainfo);
                    stream.set_write_timeout(Some(PATIENCE / 200)).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        let sent = stream.write(&messages);
                        if sent.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock) {
                            break;
                        }
                    }
                });
            }
            let to = dir.path().join("to");
            let client = plain(&to).start().unwrap();
            let patron = client.patron();
            let began = Instant::now();
            let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
            let done = patron.wait_until_finished(id).wait_timeout(PATIENCE / 2);
            stop.store(true, Ordering::Relaxed);
            println!("{kind}: {:?}", began.elapsed());
            assert!(matches!(done, Some(Ok(()))), "{kind}: {done:?}");
            assert!(same(&file, &to.join("data.bin")));
        });
    }
}
