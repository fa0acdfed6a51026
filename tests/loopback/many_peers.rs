//! More peers at once than libtorrent's defaults allow.
#![cfg(target_os = "linux")]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Instant;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Resource, getrlimit};
use torrent_patron::AddOptions;
use torrent_patron::metainfo::Protocol;
use torrent_patron::settings::Settings;

use crate::helpers::peer::{Peer, Prompt};
use crate::support::child::in_child_with_descriptors;
use crate::support::{PATIENCE, builder, data, eventually, maker, skipped, until};

/// Fewer than `connections_limit` of the preset.
const PEERS: usize = 7000;
/// libtorrent's default for `max_peerlist_size`. A torrent has no more connections.
const DEFAULT_LIST: usize = 3000;
/// The descriptors of this process that are not for connections.
const OTHERS: usize = 500;

/// How many peers the limit of descriptors allows. Both ends of each connection are in one process.
fn peers() -> usize {
    let descriptors =
        getrlimit(Resource::Nofile).maximum.map_or(usize::MAX, |limit| limit as usize);
    PEERS.min(descriptors.saturating_sub(OTHERS) / 2)
}

#[test]
fn the_seeding_preset_serves_thousands_of_peers() {
    if peers() <= DEFAULT_LIST {
        return skipped("the limit of descriptors is too low");
    }
    // A separate process: the other tests in this one need descriptors.
    in_child_with_descriptors(thousands_of_peers, "hard");
}

#[test]
#[ignore = "run by the_seeding_preset_serves_thousands_of_peers"]
fn thousands_of_peers() {
    let peers = peers();
    let dir = tempfile::tempdir().unwrap();
    let length = 64 * 1024;
    let file = data(dir.path(), "data.bin", 91, 16 * length as usize);
    let all = std::fs::read(&file).unwrap();
    let maker = maker(&file, Protocol::V1).piece_length(length);
    let metainfo = maker.start().unwrap().wait().unwrap();
    let client = builder(dir.path()).settings(Settings::seeding()).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().trust(true);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let to = patron.listen_addresses_of(id).wait().unwrap()[0];

    let began = Instant::now();
    let mut connected: Vec<_> = (1..=peers)
        .map(|number| {
            // libtorrent accepts one connection from each address.
            let [.., high, low] = u32::try_from(number).unwrap().to_be_bytes();
            let from = SocketAddr::from((Ipv4Addr::new(127, 1, high, low), 0));
            // A network thread that has reached its share of the limit gets more within seconds.
            eventually(&format!("peer {number}"), || {
                let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
                bind(&socket, &from).unwrap();
                connect(&socket, &to).ok()?;
                let stream = TcpStream::from(socket);
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Peer::over(Prompt(stream), &metainfo).ok()
            })
        })
        .collect();
    println!("{peers} peers were unchoked in {:?}", began.elapsed());
    // libtorrent counts them once per second.
    let counted = || patron.fresh_status(id).wait().unwrap().peers as usize;
    until("all are counted", || counted() == peers);
    for (number, peer) in connected.iter_mut().enumerate() {
        let block = peer.block(number as u32 % 16, &all, length as usize);
        assert!(matches!(block, Ok(Some(()))), "peer {number}: {block:?}");
    }
    println!("each had a block after {:?}", began.elapsed());
}
