//! Events through the mailbox of one patron. Only the client puts events into a mailbox, so each is
//! the answer to a command here, and its rate is at most the commands'.

use std::time::Instant;

use torrent_patron::{Command, Event, Files, Patron, TorrentId};

use crate::session::{Result, Session, TICK};
use crate::table::{Table, Target};

const RUNS: usize = 7;
const THREADS: usize = 4;
/// Of each thread.
const COMMANDS: usize = 50_000;
/// As many as a mailbox keeps of those that belong to no open torrent.
const KEPT: usize = 4096;

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let session = Session::paused(2, TICK)?;
    let [kept, closed] = session.ids[..] else { return Err("two torrents were started".into()) };
    session.patron.close(closed, Files::Keep).wait()?;

    let (mut through, mut lost, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let patron = session.patron.another();
        let start = Instant::now();
        let missed = provoke_and_read(&patron, closed)?;
        through.push((THREADS * COMMANDS) as f64 / start.elapsed().as_secs_f64());
        lost.push(missed as f64);

        for _ in 0..KEPT {
            patron.send(Command::Pause(closed))?;
        }
        patron.pause(kept).wait()?;
        let start = Instant::now();
        let events = std::iter::from_fn(|| patron.try_recv()).count();
        taken.push(events as f64 / start.elapsed().as_secs_f64());
    }
    table.figure("events put into a mailbox that is being read", &through, "/s", Target::None);
    table.figure("  of 200,000, lost and counted in Lagged", &lost, "events", Target::None);
    table.figure("events taken from a full mailbox", &taken, "/s", Target::None);
    Ok(())
}

/// Every command fails, because its torrent is gone. Returns how many events were lost.
fn provoke_and_read(patron: &Patron, closed: TorrentId) -> Result<u64> {
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| (0..COMMANDS).try_for_each(|_| patron.send(Command::Pause(closed))))
            })
            .collect();
        let (mut seen, mut missed) = (0, 0);
        while seen + missed < (THREADS * COMMANDS) as u64 {
            match patron.recv()? {
                Event::Lagged { missed: more } => missed += more,
                _ => seen += 1,
            }
        }
        for sender in senders {
            sender.join().expect("a sender panicked")?;
        }
        Ok(missed)
    })
}
