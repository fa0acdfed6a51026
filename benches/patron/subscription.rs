//! What it costs if libtorrent reports every piece, file and peer: a download with a patron that
//! subscribes to these events, and one without.

use std::time::{Duration, Instant};

use torrent_patron::event::EventKinds;
use torrent_patron::{AddOptions, Settings};

use crate::idle::{Threads, cpu_of_threads};
use crate::session::{Result, Seeds, builder, directory, wait_until};
use crate::table::{Table, Target, percentile, sorted};

/// Many small pieces.
const SIZE: usize = 128 << 20;
const RUNS: usize = 5;

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let seeds = Seeds::of_pieces(SIZE, 16 * 1024)?;
    let settings = Settings::seeding();
    let seeder = builder(seeds.directory.path()).settings(settings).network_threads(1).start()?;
    let source = seeder.patron();
    let options = AddOptions::default().trust(true);
    source.add_torrent(&seeds.torrents[0], options).wait()?;
    let address = source.listen_addresses().wait()?[0];

    // Alternately, so that other activity on the machine affects all of them equally.
    let cases = [
        ("by default", EventKinds::DEFAULT),
        ("nothing wanted", EventKinds::NONE),
        (
            "all wanted",
            EventKinds::ALL - EventKinds::from(torrent_patron::event::EventKind::ResumeData),
        ),
    ];
    let mut seconds = cases.map(|_| Vec::new());
    let mut cpu = cases.map(|_| Vec::new());
    let mut count = 0;
    for _ in 0..RUNS {
        for (place, (_, kinds)) in cases.into_iter().enumerate() {
            let run = download(&seeds, address, kinds)?;
            seconds[place].push(run.took.as_secs_f64());
            cpu[place].push(run.client.as_secs_f64() * 1000.0);
            count = count.max(run.events);
        }
    }
    for (place, (name, _)) in cases.into_iter().enumerate() {
        let name = format!("download, {name}");
        table.figure(&format!("{name}: the client's thread"), &cpu[place], "ms", Target::None);
        table.ratio(&format!("  {name}: time / by default"), &seconds[place], &seconds[0]);
    }
    let median = percentile(&sorted(&seconds[0]), 50);
    table.note(&format!(
        "{} MiB in {} pieces; {median:.2} s by default; {count} events when all are wanted",
        SIZE >> 20,
        seeds.torrents[0].piece_count
    ));
    Ok(())
}

struct Run {
    took: Duration,
    client: Duration,
    events: usize,
}

fn download(seeds: &Seeds, from: std::net::SocketAddr, kinds: EventKinds) -> Result<Run> {
    let to = directory()?;
    let before = cpu_of_threads()?;
    let client = builder(to.path()).start()?;
    // The first new thread.
    let thread = new_thread(&before)?;
    let patron = client.patron();
    patron.subscribe(kinds);
    let begun = Instant::now();
    let options = AddOptions::default().add_peers([from]);
    let id = patron.add_torrent(&seeds.torrents[0], options).wait()?.id();
    let mut events = 0;
    wait_until("the download", || {
        events += std::iter::from_fn(|| patron.try_recv()).count();
        Ok(patron.status(id).is_some_and(|status| status.finished))
    })?;
    let took = begun.elapsed();
    let client_used = cpu_of_threads()?.get(&thread).copied().unwrap_or_default();
    drop(client);
    Ok(Run { took, client: client_used, events })
}

fn new_thread(before: &Threads) -> Result<u32> {
    let now = cpu_of_threads()?;
    now.into_keys().find(|thread| !before.contains_key(thread)).ok_or("no new thread".into())
}
