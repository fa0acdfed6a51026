//! How many commands per second a client executes if nobody waits for an answer.

use std::time::Instant;

use torrent_patron::patron::Command;

use crate::session::{Result, Session, TICK};
use crate::table::{Table, Target};

const RUNS: usize = 7;
const THREADS: usize = 4;
/// Commands per thread.
const COMMANDS: usize = 50_000;

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    for torrents in [1, 100] {
        let session = Session::paused(torrents, TICK)?;
        let (mut taken, mut done) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let start = Instant::now();
            send_from_all_threads(&session)?;
            taken.push(rate(start));
            // It is posted to libtorrent's thread after all the pauses, so that thread has executed
            // them.
            session.patron.fresh_status(session.ids[0]).wait()?;
            done.push(rate(start));
        }
        let of = if torrents == 1 { "1 torrent".into() } else { format!("{torrents} torrents") };
        let name = format!("commands from {THREADS} threads, {of}");
        table.figure(&name, &taken, "/s", Target::AtLeast(200_000.0));
        table.figure("  until libtorrent has paused too", &done, "/s", Target::None);
    }
    Ok(())
}

/// Returns when the client has executed all commands.
fn send_from_all_threads(session: &Session) -> Result<()> {
    let Session { patron, ids, .. } = session;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for number in 0..COMMANDS {
                        patron.send(Command::Pause(ids[number % ids.len()]))?;
                    }
                    Ok(patron.pause(ids[0]).wait()?)
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a sender panicked"))
    })
}

fn rate(start: Instant) -> f64 {
    (THREADS * COMMANDS) as f64 / start.elapsed().as_secs_f64()
}
