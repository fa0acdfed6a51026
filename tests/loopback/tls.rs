//! Torrents whose peers use TLS: their metainfo contains the certificate that certifies each peer.

use openssl::dh::Dh;
use torrent_patron::metainfo::Protocol;
use torrent_patron::peer::Encryption;
use torrent_patron::{AddOptions, Event, Patron, TorrentId};

use crate::await_event;
use crate::helpers::tls::{certificate, for_tls};
use crate::support::{address, builder, data, finished, maker, same};

#[test]
fn two_clients_with_certificates_share_a_torrent_by_tls() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = data(&from, "data.bin", 1, 200_000);
    let plain = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let (certificate, key) = certificate();
    let metainfo = for_tls(&plain, &certificate);
    let pem = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let certificate = pem(certificate.to_pem().unwrap());
    let key = pem(key.private_key_to_pem_pkcs8().unwrap());
    let dh = pem(Dh::get_2048_256().unwrap().params_to_pem().unwrap());
    let identify = |patron: &Patron, id: TorrentId| {
        patron.set_tls_certificate(id, &*certificate, &*key, &*dh).wait().unwrap();
    };

    let listening = |save_dir| {
        let builder = builder(save_dir).listen("127.0.0.1:0s");
        builder.setting("close_redundant_connections", false).start().unwrap()
    };
    let (seeder, leecher) = (listening(&from), listening(&to));
    let (seeds, leeches) = (seeder.patron(), leecher.patron());
    let here = seeds.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    identify(&seeds, here);
    finished(&seeds, here);
    let there = leeches.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    identify(&leeches, there);
    await_event!(leeches, Event::Checked { .. });
    leeches.connect_peer(there, address(&seeds)).wait().unwrap();
    finished(&leeches, there);
    assert!(same(&file, &to.join("data.bin")));
    let peers = leeches.peers(there).wait().unwrap();
    assert!(peers.iter().all(|peer| peer.encryption == Encryption::Tls), "{peers:#?}");
    assert!(!peers.is_empty());

    leeches.set_tls_certificate(there, "nonsense", &*key, &*dh).wait().unwrap();
    await_event!(leeches, Event::Error { .. });
}
