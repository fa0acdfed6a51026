//! Messages about hash trees (BEP 52) that a malicious peer makes up: libtorrent before 2.0.13 keeps hashes of
//! them that were not proved.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::{AddOptions, Event, Patron, Source};

use crate::hostile_peer::plain;
use crate::support::wire::{
    FAST, HASHES, HAVE_ALL, PIECE, PROTOCOL_V2, REQUEST, UNCHOKE, answer_handshake, handshake,
    message, number_at, receive_only, send,
};
use crate::support::{PATIENCE, Seeder, address, data, finished, maker, same, wait_for};

const BLOCK: usize = 16 << 10;
const PIECE_LENGTH: usize = 4 * BLOCK;
const LENGTH: usize = 4 * PIECE_LENGTH;

fn make(file: &std::path::Path, protocol: Protocol, piece_length: usize) -> Metainfo {
    maker(file, protocol).piece_length(piece_length as u32).start().unwrap().wait().unwrap()
}

/// What follows a key in a torrent file.
fn after<'a>(metainfo: &'a Metainfo, key: &[u8], length: usize) -> &'a [u8] {
    let file = metainfo.torrent_file();
    let at = file.windows(key.len()).position(|bytes| bytes == key).unwrap() + key.len();
    &file[at..at + length]
}

/// The message with the hashes of two blocks, as if they were a complete proof.
fn hashes(metainfo: &Metainfo, block: usize, hashes: &[u8]) -> Vec<u8> {
    let numbers = [0, block as u32, 1, 0].map(u32::to_be_bytes).concat();
    let root = after(metainfo, b"11:pieces root32:", 32);
    message(HASHES, &[root, &numbers, hashes].concat())
}

/// Sends messages after a handshake, and waits until they have been read.
fn tell(patron: &Patron, metainfo: &Metainfo, messages: &[u8]) {
    let v2 = metainfo.info_hashes.v2.unwrap();
    let mut stream = TcpStream::connect(address(patron)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let hello = handshake(FAST | PROTOCOL_V2, &v2.0[..20], b"=EVIL06=============");
    let _ = stream.write_all(&[&hello, messages].concat());
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A peer that answers all requests from `bytes`.
fn serve(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve_one = move |mut stream: TcpStream| -> Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        answer_handshake(&mut stream, FAST | PROTOCOL_V2, b"=EVIL07=============")?;
        send(&mut stream, HAVE_ALL, &[])?;
        send(&mut stream, UNCHOKE, &[])?;
        loop {
            let asked = receive_only(&mut stream, REQUEST)?;
            let [piece, begin, length] = [0, 4, 8].map(|at| number_at(&asked, at) as usize);
            let begin = piece * PIECE_LENGTH + begin;
            let block = &bytes[begin..begin + length];
            send(&mut stream, PIECE, &[&asked[..8], block].concat())?;
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = serve_one(stream);
        }
    });
    address
}

#[test]
fn forged_hashes_do_not_make_wrong_data_valid() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 33, LENGTH);
    let wrong = data(&dir.path().join("wrong"), "data.bin", 34, LENGTH);
    let metainfo = make(&file, Protocol::V2, PIECE_LENGTH);
    // With pieces of one block, the torrent file has the hashes of the blocks.
    let wrong_blocks = make(&wrong, Protocol::V2, BLOCK);
    let layer = format!("{}:", LENGTH / BLOCK * 32);
    let forged = after(&wrong_blocks, layer.as_bytes(), LENGTH / BLOCK * 32);
    let to = dir.path().join("to");
    let client = plain(&to).start().unwrap();
    let patron = client.patron();
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    for (pair, two) in forged.chunks(64).enumerate() {
        tell(&patron, &metainfo, &hashes(&metainfo, 2 * pair, two));
    }
    patron.connect_peer(id, serve(std::fs::read(&wrong).unwrap())).wait().unwrap();
    let found_wrong = wait_for(&patron, "the end of a piece", |event| match event {
        Event::HashFailed { .. } => Some(true),
        Event::Finished { .. } => Some(false),
        _ => None,
    });
    assert!(found_wrong, "wrong data passed");
    let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
    finished(&patron, id);
    assert!(same(&file, &to.join("data.bin")));
}

#[test]
fn a_hash_of_zeros_is_not_believed() {
    for protocol in [Protocol::V2, Protocol::Hybrid] {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 35, LENGTH);
        let metainfo = make(&file, protocol, PIECE_LENGTH);
        let to = dir.path().join("to");
        let client = plain(&to).start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        let zero = [[0; 32], [9; 32]].concat();
        let all: Vec<u8> =
            (0..LENGTH / BLOCK).flat_map(|block| hashes(&metainfo, block, &zero)).collect();
        tell(&patron, &metainfo, &all);
        let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
        finished(&patron, id);
        assert!(same(&file, &to.join("data.bin")), "{protocol:?}");
    }
}

/// The messages are examined after they have been decrypted.
#[test]
fn requested_hashes_are_taken_from_an_encrypted_peer() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 36, LENGTH);
    let metainfo = make(&file, Protocol::V2, PIECE_LENGTH);
    let encrypted = |dir: &std::path::Path| {
        let builder = plain(dir).setting("allowed_enc_level", 2); // RC4
        builder.setting("out_enc_policy", 0).setting("in_enc_policy", 0) // forced
    };
    let seeder = encrypted(file.parent().unwrap()).start().unwrap();
    let seeding = seeder.patron();
    let id = seeding.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&seeding, id);
    let to = dir.path().join("to");
    let client = encrypted(&to).start().unwrap();
    let patron = client.patron();
    // A link lacks the hashes of the pieces.
    let link = format!("magnet:?xt=urn:btmh:1220{}", metainfo.info_hashes.v2.unwrap());
    let options = AddOptions::default().add_peers([address(&seeding)]);
    let id = patron.add_torrent(Source::Magnet(link.into()), options).wait().unwrap().id();
    finished(&patron, id);
    assert!(same(&file, &to.join("data.bin")));
}
