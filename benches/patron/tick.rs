//! What a tick costs the client thread, measured in separate processes.

use std::time::{Duration, Instant};

use crate::idle::{SETTLE, cpu_of_threads};
use crate::session::{Result, Seeds, builder, child as run_child, directory, start};
use crate::table::{Table, Target};

pub(crate) const CHILD: &str = "child-tick";

const TORRENTS: usize = 10_000;
/// So short that there are many ticks, and so long that each ends before the next one.
const TICK: Duration = Duration::from_millis(20);
const WINDOWS: usize = 7;
const WINDOW: Duration = Duration::from_secs(2);

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    if let Err(error) = cpu_of_threads() {
        table.note(&format!("ticks: needs /proc/self/task/*/schedstat: {error}"));
        return Ok(());
    }
    let most = Target::AtMost(1000.0);
    for (torrents, target) in [(TORRENTS, most), (0, Target::None)] {
        let what = match torrents {
            0 => "  reference, no torrents".to_owned(),
            _ => "a tick of 10,000 idle torrents".to_owned(),
        };
        for line in run_child(&[CHILD.to_owned(), torrents.to_string()])? {
            let (thread, costs) = line.split_once('\t').ok_or("the child said too little")?;
            let costs: Vec<f64> =
                costs.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
            let target = if thread == CLIENT { target } else { Target::None };
            table.figure(&format!("{what}: {thread}"), &costs, "µs", target);
        }
    }
    Ok(())
}

const CLIENT: &str = "the client's thread";

/// Prints what a tick cost each thread in each window.
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let [torrents] = arguments else { return Err("arguments: TORRENTS".into()) };
    let torrents = torrents.parse()?;
    let place = directory()?;
    let client = builder(place.path()).tick_interval(TICK).start()?;
    // Before anything else is started, so that the thread numbers show which is which.
    let threads: Vec<_> = cpu_of_threads()?.into_keys().collect();
    let [_, client_thread, network, ..] = threads[..] else {
        return Err("a client has two threads at least".into());
    };
    let threads = [client_thread, network];
    let seeds = Seeds::make(torrents, 1)?;
    let patron = client.patron();
    start(&patron, &seeds, false)?;
    std::thread::sleep(SETTLE);

    let mut costs = threads.map(|_| Vec::new());
    for _ in 0..WINDOWS {
        let (begun, before) = (Instant::now(), cpu_of_threads()?);
        std::thread::sleep(WINDOW);
        let (took, after) = (begun.elapsed(), cpu_of_threads()?);
        let used = threads.map(|thread| after[&thread].saturating_sub(before[&thread]));
        // The interval is between the starts of two ticks, and the client does nothing else.
        let ticks = took.as_secs_f64() / TICK.as_secs_f64();
        for (costs, used) in costs.iter_mut().zip(used) {
            costs.push(format!("{:.3}", used.as_secs_f64() * 1e6 / ticks));
        }
    }
    for (name, costs) in [CLIENT, "libtorrent's network thread"].iter().zip(costs) {
        println!("{name}\t{}", costs.join(" "));
    }
    Ok(())
}
