//! The memory that a patron takes, measured in a separate process.

use torrent_patron::{AddOptions, Client, Event, Patron};

use crate::allocations::growth;
use crate::session::{Result, Seeds, builder, child as run_child, start};
use crate::table::{Table, Target};

pub(crate) const CHILD: &str = "child-memory";

const PATRONS: usize = 10_000;
const OWNERS: usize = 1000;
const MOST: Target = Target::AtMost(4096.0);

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    if resident().is_err() {
        table.note("memory: needs /proc/self/status");
        return Ok(());
    }
    for line in run_child(&[CHILD.to_owned()])? {
        let wrong = || format!("the child said {line:?}");
        let (name, numbers) = line.split_once('\t').ok_or_else(wrong)?;
        let (allocated, resident) = numbers.split_once('\t').ok_or_else(wrong)?;
        let target = if name.starts_with("patron") { MOST } else { Target::None };
        table.figure(&format!("{name}: allocated by Rust"), &[allocated.parse()?], "bytes", target);
        table.figure(&format!("{name}: resident"), &[resident.parse()?], "bytes", target);
    }
    Ok(())
}

pub(crate) fn child() -> Result<()> {
    let one = Seeds::make(1, 16 * 1024)?;
    let many = Seeds::make(OWNERS, 16 * 1024)?;
    let client = builder(one.directory.path()).start()?;
    let owner = client.patron();
    let id = start(&owner, &one, true)?[0];

    // The first batch also pays for one-time allocations. Each patron receives an event with the listening
    // address.
    let _first = weigh("patron that has read nothing, first 10,000", PATRONS, || {
        Ok(patrons(&client, PATRONS))
    })?;
    let _second = weigh("patron that has read nothing, next 10,000", PATRONS, || {
        Ok(patrons(&client, PATRONS))
    })?;
    let _watching = weigh("patron with three more events unread", PATRONS, || {
        let watching = patrons(&client, PATRONS);
        for patron in &watching {
            patron.watch(id).wait()?;
        }
        owner.resume(id).wait()?;
        owner.pause(id).wait()?;
        // The patron that added it receives its events last.
        while !matches!(owner.recv()?, Event::Paused { .. }) {}
        Ok(watching)
    })?;

    let options = AddOptions::default().trust(true).paused(true).save_dir(many.directory.path());
    let _owners = weigh("torrent and its patron with unread events", OWNERS, || {
        let owners = patrons(&client, OWNERS);
        for (patron, torrent) in owners.iter().zip(&many.torrents) {
            patron.add_torrent(torrent, options.clone()).wait()?;
        }
        owner.fresh_status(id).wait()?;
        Ok(owners)
    })?;
    Ok(())
}

fn patrons(client: &Client, count: usize) -> Vec<Patron> {
    (0..count).map(|_| client.patron()).collect()
}

/// Prints how much memory each of `count` adds to this process.
fn weigh<T>(name: &str, count: usize, make: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = resident()?;
    let (made, allocated) = growth(make);
    let made = made?;
    let resident = resident()?.saturating_sub(before);
    println!("{name}\t{}\t{}", allocated / count as isize, resident / count as u64);
    Ok(made)
}

/// Returns the resident memory in bytes.
pub(crate) fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmRSS")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}
