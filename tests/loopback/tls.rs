//! Torrents whose peers use TLS: their metainfo contains the certificate that certifies each peer.

use openssl::asn1::Asn1Time;
use openssl::dh::Dh;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Name};
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::peer::Encryption;
use torrent_patron::{AddOptions, Event, Patron, TorrentId};

use crate::await_event;
use crate::support::bencode::text;
use crate::support::{address, builder, data, finished, maker, same};

/// A self-signed certificate that is valid for every torrent, and its key.
pub(crate) fn certificate() -> (X509, PKey<Private>) {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "*").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// Turns a torrent with one file into one whose peers use TLS, by adding a certificate to its
/// metainfo.
pub(crate) fn for_tls(metainfo: &Metainfo, certificate: &X509) -> Metainfo {
    let mut file = metainfo.torrent_file().to_vec();
    let count = 20 * metainfo.piece_count as usize;
    let key = format!("6:pieces{count}:");
    let at = file.windows(key.len()).position(|window| window == key.as_bytes()).unwrap();
    let end = at + key.len() + count;
    assert_eq!(file[end], b'e', "the pieces are the last of the info dictionary");
    let addition = [text("ssl-cert"), text(certificate.to_pem().unwrap())].concat();
    file.splice(end..end, addition);
    Metainfo::decode(&file).unwrap()
}

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
