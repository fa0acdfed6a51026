//! Downloads the given .torrent files and magnet links, in tokio. It ends when everything has been
//! downloaded, or with Ctrl-C.
//!
//!     cargo run --example tokio -- [--offline] FILE|MAGNET...
//!
//! With `--offline` it reaches only peers on this machine, such as `--example seeder -- --offline`.

use std::collections::HashSet;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::ctrl_c;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use torrent_patron::{AddOptions, Client, Event, Patron};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (options, names): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument == "--offline");
    let client = Client::builder().offline(!options.is_empty()).start()?;
    let downloaded = download(&client.patron(), &names).await;
    println!("{}", client.shutdown(PATIENCE).await);
    downloaded
}

pub(crate) async fn download(patron: &Patron, names: &[String]) -> Result<(), Box<dyn Error>> {
    // A command is sent before its reply is awaited, so all of them start at once.
    let start = |name: &String| patron.add_torrent(name.as_str(), AddOptions::default());
    let replies: Vec<_> = names.iter().map(start).collect();
    let mut unfinished = HashSet::new();
    for reply in replies {
        unfinished.insert(timeout(PATIENCE, reply).await??.id());
    }

    let mut events = patron.stream();
    let mut interrupted = pin!(ctrl_c());
    while !unfinished.is_empty() {
        let event = tokio::select! {
            event = events.next() => event.ok_or("the client has stopped")?,
            interrupted = &mut interrupted => return Ok(interrupted?),
        };
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
