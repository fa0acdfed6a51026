//! The pipeline with which Kamaelia's torrent client was first shown in 2006: console -> file
//! reader -> patron -> explainer -> console. Type the path of a .torrent file, or a magnet link: it
//! is downloaded into the working directory and every event is explained. At the end of input, the
//! program completes the downloads it has begun.
//!
//!     cargo run --example console [-- --offline]
//!
//! With `--offline` it reaches only peers on this machine, such as `--example seeder -- --offline`.

use std::error::Error;
use std::io::stdin;
use std::thread;

use crossbeam_channel::{Receiver, bounded, never, select};
use torrent_patron::event::Explainer;
use torrent_patron::patron::Command;
use torrent_patron::{AddOptions, Client, Event, Patron, Source};

fn main() -> Result<(), Box<dyn Error>> {
    // The process-wide client: any other part of a program that joins it shares its torrents.
    let patron = match std::env::args().any(|argument| argument == "--offline") {
        true => Patron::shared_with(Client::builder().offline(true))?,
        false => Patron::shared()?,
    };
    let mut explainer = Explainer::new();
    let mut lines = console();
    let ready = patron.ready_channel();
    let (mut reading, mut unfinished) = (true, 0_usize);
    while reading || unfinished > 0 {
        select! {
            recv(lines) -> line => if let Ok(line) = line {
                let source = Source::from_text(line.trim());
                patron.send(Command::AddTorrent { source, options: AddOptions::default() })?;
                unfinished += 1;
            } else {
                (reading, lines) = (false, never());
            },
            recv(ready) -> _ => while let Some(event) = patron.try_recv() {
                if let Some(line) = explainer.explain(&event) {
                    println!("{line}");
                }
                if ends(&event) {
                    unfinished = unfinished.saturating_sub(1);
                }
            },
        }
    }
    Ok(()) // The client stops when its last patron is dropped.
}

/// Whether a torrent that was typed in is done, successfully or not.
fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::Finished { .. }
            | Event::AlreadyAdded { .. }
            | Event::AddFailed { .. }
            | Event::Error { .. }
    )
}

/// The lines that are typed, until the end of input.
fn console() -> Receiver<String> {
    let (sender, lines) = bounded(0);
    thread::spawn(move || {
        stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}
