//! A seed box: adds each .torrent file that is put into a folder, downloads it, seeds it, and prints
//! the statuses as JSON. It may be killed at any moment: the store has all torrents.
//!
//!     cargo run --features serde,sqlite --example seedbox -- WATCHED DOWNLOADS

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use torrent_patron::{AddOptions, Client, Event, Patron, Settings, store::Sqlite};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [watched, downloads] = &arguments[..] else {
        return Err("usage: seedbox WATCHED DOWNLOADS".into());
    };
    let client = Client::builder()
        .settings(Settings::seeding())
        .save_dir(downloads)
        .store(Sqlite::open(watched.join("torrents.db"))?)
        .start()?;
    let patron = client.patron();
    patron.watch_all().wait()?;
    let mut seen = HashMap::new();
    loop {
        add_new(&patron, watched, &mut seen)?;
        while let Some(event) = patron.try_recv() {
            match event {
                Event::Status(_) => {}
                Event::ClientStopped { .. } => return Ok(()),
                event => eprintln!("{event}"),
            }
        }
        println!("{}", serde_json::to_string(&patron.statuses())?);
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// Adds the files that have not changed since the last look: the others are still being copied.
fn add_new(
    patron: &Patron,
    watched: &Path,
    seen: &mut HashMap<PathBuf, ((u64, SystemTime), bool)>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(watched)? {
        let entry = entry?;
        let (path, found) = (entry.path(), entry.metadata()?);
        let now = (found.len(), found.modified()?);
        let (before, is_done) = seen.entry(path.clone()).or_insert(((u64::MAX, now.1), false));
        if *before != now {
            (*before, *is_done) = (now, path.extension().is_none_or(|kind| kind != "torrent"));
        } else if !std::mem::replace(is_done, true)
            && let Err(error) = patron.add_torrent(&*path, AddOptions::default()).wait()
        {
            eprintln!("{error}");
        }
    }
    Ok(())
}
