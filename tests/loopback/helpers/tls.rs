//! Certificates, and torrents that require them.

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Name};
use torrent_patron::metainfo::Metainfo;

use crate::support::bencode::text;

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
