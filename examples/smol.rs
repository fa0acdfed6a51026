//! Downloads the given .torrent files and magnet links, in smol. It ends when everything has been
//! downloaded, or with Ctrl-C.
//!
//!     cargo run --example smol -- [--offline] FILE|MAGNET...
//!
//! With `--offline` it reaches only peers on this machine, such as `--example seeder -- --offline`.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use async_signal::{Signal, Signals};
use smol::Timer;
use smol::prelude::*;
use torrent_patron::{AddOptions, Client, Event, Patron};

const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let (options, names): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument == "--offline");
    let client = Client::builder().offline(!options.is_empty()).start()?;
    let downloaded = smol::block_on(download(&client.patron(), &names));
    println!("{}", smol::block_on(client.shutdown(PATIENCE)));
    downloaded
}

pub(crate) async fn download(patron: &Patron, names: &[String]) -> Result<(), Box<dyn Error>> {
    // A command is sent before its reply is awaited, so all of them start at once.
    let start = |name: &String| patron.add_torrent(name.as_str(), AddOptions::default());
    let replies: Vec<_> = names.iter().map(start).collect();
    let mut unfinished = HashSet::new();
    for reply in replies {
        let late = async {
            Timer::after(PATIENCE).await;
            Err("libtorrent is too busy".into())
        };
        let started = async { Ok::<_, Box<dyn Error>>(reply.await?) }.or(late).await?;
        unfinished.insert(started.id());
    }

    // Whichever is ready first: an interrupt, which is `None`, or an event.
    let interrupts = Signals::new([Signal::Int])?.map(|_| None);
    let mut next = interrupts.or(patron.stream().map(Some));
    while !unfinished.is_empty() {
        let Some(Some(event)) = next.next().await else { break };
        println!("{event}");
        match event {
            Event::Finished { id, .. } => drop(unfinished.remove(&id)),
            Event::Error { error, .. } | Event::ClientStopped { error: Some(error) } => {
                return Err(error.into());
            }
            _ => {}
        }
    }
    Ok(())
}
