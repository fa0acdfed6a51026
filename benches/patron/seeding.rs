//! Round trips to a client that seeds at full speed to downloaders in this process, with one network thread
//! and with two.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::{AddOptions, Event, Settings};

use crate::round_trip::{PingPong, tail};
use crate::session::{Result, Seeds, builder, call, directory, microseconds, start, wait_until};
use crate::table::{Table, Target, percentile, sorted};

const DOWNLOADERS: usize = 2;
const SIZE: usize = 256 << 20;
const RAMP: Duration = Duration::from_secs(1);
const SPAN: Duration = Duration::from_secs(8);
const MIB: f64 = (1 << 20) as f64;

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let (small, large) = (Seeds::make(1, 16 * 1024)?, Seeds::make(1, SIZE)?);
    for threads in [1, 2] {
        measure_with(threads, &small, &large, table)?;
    }
    Ok(())
}

fn measure_with(threads: u16, small: &Seeds, large: &Seeds, table: &mut Table) -> Result<()> {
    let client = builder(small.directory.path())
        .settings(Settings::seeding())
        .network_threads(threads.into())
        .start()?;
    let patron = client.patron();
    let paused = start(&patron, small, true)?[0];
    let options = AddOptions::default().trust(true).save_dir(large.directory.path());
    let options = options.replicas(threads);
    let seeded = patron.add_torrent(&large.torrents[0], options).wait()?.id();
    let addresses = patron.listen_addresses().wait()?;
    let sent = || Ok::<_, torrent_patron::Error>(patron.fresh_status(seeded).wait()?.uploaded);

    let stop = AtomicBool::new(false);
    let (mut calls, mut references) = (Vec::new(), Vec::new());
    let rate = std::thread::scope(|scope| {
        let (torrent, stop_them) = (&large.torrents[0], &stop);
        let download = |address| move || download_again_and_again(torrent, address, stop_them);
        let from = addresses.iter().cycle().take(DOWNLOADERS);
        let downloaders: Vec<_> = from.map(|address| scope.spawn(download(*address))).collect();
        let mut watch = || -> Result<f64> {
            wait_until("the first download has begun", || Ok(sent()? > 0))?;
            std::thread::sleep(RAMP);
            let ping_pong = PingPong::start();
            let (begun, before) = (Instant::now(), sent()?);
            while begun.elapsed() < SPAN {
                std::thread::sleep(Duration::from_millis(1));
                calls.push(microseconds(|| call(&patron, paused))?);
                std::thread::sleep(Duration::from_millis(1));
                references.push(microseconds(|| ping_pong.call())?);
            }
            Ok((sent()? - before) as f64 / MIB / begun.elapsed().as_secs_f64())
        };
        let rate = watch();
        stop.store(true, Ordering::Relaxed);
        for downloader in downloaders {
            downloader.join().expect("a downloader panicked")?;
        }
        rate
    })?;

    let median = |samples: &[f64]| percentile(&sorted(samples), 50);
    let (call, reference) = (median(&calls), median(&references));
    let name = match threads {
        1 => "round trip while seeding".to_owned(),
        threads => format!("round trip while {threads} threads seed"),
    };
    table.figure(&format!("{name}: median"), &[call], "µs", Target::None);
    tail(table, &name, &calls);
    table.figure("  reference: two threads, meanwhile: median", &[reference], "µs", Target::None);
    tail(table, "  reference: two threads, meanwhile", &references);
    table.ratio("  round trip / reference: median", &[call], &[reference]);
    table.note(&format!(
        "{} calls; {rate:.0} MiB/s went to {DOWNLOADERS} downloaders that share the cores",
        calls.len()
    ));
    Ok(())
}

fn download_again_and_again(
    torrent: &Metainfo,
    seeder: SocketAddr,
    stop: &AtomicBool,
) -> Result<()> {
    let directory = directory()?;
    let client =
        builder(directory.path()).settings(Settings::seeding()).network_threads(1).start()?;
    let patron = client.patron();
    while !stop.load(Ordering::Relaxed) {
        let options = AddOptions::default().add_peers([seeder]);
        let id = patron.add_torrent(torrent, options).wait()?.id();
        while !stop.load(Ordering::Relaxed) {
            match patron.recv_timeout(Duration::from_millis(100)) {
                Some(Ok(Event::Finished { .. })) => break,
                Some(Ok(Event::Error { error, .. })) => return Err(error.into()),
                _ => {}
            }
        }
        patron.remove_torrent(id, RemoveFiles::Delete).wait()?;
    }
    Ok(())
}
