//! Kamaelia's TorrentSeeder: type the path of a file or a directory; it is made into a torrent and
//! seeded. You get its .torrent file, in the working directory, and its magnet link. It seeds until
//! it is killed.
//!
//!     cargo run --example seeder [-- --offline]
//!
//! With `--offline` it serves only peers on this machine, such as `--example console -- --offline`.

use std::error::Error;
use std::io::stdin;
use std::path::{Path, PathBuf};
use std::thread;

use torrent_patron::event::Explainer;
use torrent_patron::metainfo::TorrentMaker;
use torrent_patron::{AddOptions, Client, Patron};

fn main() -> Result<(), Box<dyn Error>> {
    let offline = std::env::args().any(|argument| argument == "--offline");
    let client = Client::builder().offline(offline).start()?;
    let patron = client.patron();
    let reader = patron.clone();
    let explaining = thread::spawn(move || {
        let mut explainer = Explainer::new();
        reader.events().filter_map(|event| explainer.explain(&event)).for_each(|line| {
            println!("{line}");
        });
    });
    for path in stdin().lines() {
        match seed(&patron, Path::new(path?.trim()), offline) {
            Ok((torrent, magnet)) => println!("{}\n{magnet}", torrent.display()),
            Err(error) => eprintln!("{error}"),
        }
    }
    // Seeding continues after the end of input.
    explaining.join().map_err(|_| "the explainer panicked".into())
}

/// Returns the path of the .torrent file, and the magnet link.
fn seed(patron: &Patron, path: &Path, offline: bool) -> Result<(PathBuf, String), Box<dyn Error>> {
    let metainfo = TorrentMaker::new(path).start()?.wait()?;
    let torrent = PathBuf::from(format!("{}.torrent", metainfo.name));
    std::fs::write(&torrent, &metainfo.torrent_file()[..])?;

    // The data has just been hashed, so it need not be hashed again.
    let directory = path.canonicalize()?.parent().ok_or("the root has no name")?.to_owned();
    let options = AddOptions::default().save_dir(directory).trust(true);
    patron.add_torrent(&metainfo, options).wait()?;

    let mut magnet = metainfo.magnet().to_string();
    if offline {
        // Only the link itself can tell where the data is.
        for address in patron.listen_addresses().wait()? {
            magnet += &format!("&x.pe={address}");
        }
    }
    Ok((torrent, magnet))
}
