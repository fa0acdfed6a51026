//! Events through the mailbox of one patron. Only the client puts events into a mailbox, so each
//! event here answers a command, and their rate is at most that of commands.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::bounded;
use torrent_patron::patron::{Command, RemoveFiles};
use torrent_patron::{Event, Patron, TorrentId};

use crate::session::{Result, Session, TICK};
use crate::table::{Table, Target};

const RUNS: usize = 7;
const THREADS: usize = 4;
/// Commands per thread.
const COMMANDS: usize = 50_000;
/// The number of events of no existing torrent that a mailbox keeps.
const KEPT: usize = 4096;

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let session = Session::paused(2, TICK)?;
    let [kept, closed] = session.ids[..] else { return Err("two torrents were started".into()) };
    session.patron.remove_torrent(closed, RemoveFiles::Keep).wait()?;

    let (mut delivered, mut references) = (Vec::new(), Vec::new());
    let (mut through, mut lost, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let patron = session.patron.another();
        let start = Instant::now();
        let event = provoke_and_read_all(&patron, closed)?;
        delivered.push(EVENTS as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        through_a_channel(&event)?;
        references.push(EVENTS as f64 / start.elapsed().as_secs_f64());

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
    let target = Target::AtLeast(1_000_000.0);
    table.figure(
        "events from a command to its mailbox and out, none lost",
        &delivered,
        "/s",
        target,
    );
    table.figure(
        "  reference, the same events over bounded(4096)",
        &references,
        "/s",
        Target::None,
    );
    table.ratio("  mailbox / reference", &delivered, &references);
    table.figure("events put into a mailbox that is being read", &through, "/s", Target::None);
    table.figure("  of 200,000, lost and counted in Lagged", &lost, "events", Target::None);
    table.figure("events taken from a full mailbox", &taken, "/s", Target::None);
    Ok(())
}

/// Events per thread, with one thread sending and one reading.
const EVENTS: usize = 1_000_000;

/// Sends commands that fail, because their torrent has been removed. No more are open than the mailbox keeps,
/// so no event is lost. Returns one of the events.
fn provoke_and_read_all(patron: &Patron, closed: TorrentId) -> Result<Event> {
    const BATCH: usize = KEPT / 4;
    let read = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for sent in 0..EVENTS {
                while sent % BATCH == 0 && sent + BATCH > read.load(Ordering::Acquire) + KEPT {
                    std::thread::yield_now();
                }
                patron.send(Command::Pause(closed))?;
            }
            Ok::<_, torrent_patron::Error>(())
        });
        let mut last = None;
        while read.load(Ordering::Relaxed) < EVENTS {
            match patron.recv()? {
                Event::Lagged { missed } => return Err(format!("{missed} were lost").into()),
                event @ Event::CommandFailed { .. } => {
                    read.fetch_add(1, Ordering::Release);
                    last = Some(event);
                }
                _ => {}
            }
        }
        sender.join().expect("the sender panicked")?;
        last.ok_or_else(|| "no events".into())
    })
}

/// Measures two threads without a patron between them.
fn through_a_channel(event: &Event) -> Result<()> {
    let (sender, events) = bounded(KEPT);
    std::thread::scope(|scope| {
        scope.spawn(move || (0..EVENTS).all(|_| sender.send(event.clone()).is_ok()));
        let read = events.iter().count();
        if read == EVENTS { Ok(()) } else { Err(format!("{read} came").into()) }
    })
}

/// Sends commands that fail, because their torrent has been removed. Returns how many events were lost.
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
