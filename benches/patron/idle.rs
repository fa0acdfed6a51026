//! The CPU time that an idle client needs, measured in separate processes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::session::{Result, Seeds, TICK, builder, child as run_child, start};
use crate::table::{Table, Target};

pub(crate) const CHILD: &str = "child-idle";

/// Longer than libtorrent takes to consider a torrent inactive (`auto_manage_startup`, 10 s).
pub(crate) const SETTLE: Duration = Duration::from_secs(20);
const WINDOWS: usize = 4;
const WINDOW: Duration = Duration::from_secs(5);

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    if let Err(error) = cpu_of_threads() {
        table.note(&format!("idle CPU: needs /proc/self/task/*/schedstat: {error}"));
        return Ok(());
    }
    const SHORT: Duration = Duration::from_secs(1);
    let cases = [
        (0, TICK, Target::AtMost(0.2)),
        (1000, TICK, Target::AtMost(0.5)),
        (0, SHORT, Target::None),
        (1000, SHORT, Target::None),
    ];
    // All at once, because each process does almost nothing.
    let outputs = cases.map(|(torrents, tick, _)| {
        let tick = tick.as_millis();
        std::thread::spawn(move || {
            run_child(&[CHILD.to_owned(), torrents.to_string(), tick.to_string()])
        })
    });
    for ((torrents, tick, target), output) in cases.into_iter().zip(outputs) {
        let lines = output.join().expect("a child's thread panicked")?;
        let [windows, threads] = &lines[..] else { return Err("the child said too little".into()) };
        let windows: Vec<f64> =
            windows.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let name = format!("idle, {torrents} torrents, a tick each {tick:?}");
        table.figure(&name, &windows, "% of a core", target);
        table.note(threads);
    }
    Ok(())
}

/// Prints the share of each window, and the share of each thread over all windows.
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let [torrents, tick] = arguments else { return Err("arguments: TORRENTS TICK_MS".into()) };
    let seeds = Seeds::make(torrents.parse()?, 16 * 1024)?;
    let tick = Duration::from_millis(tick.parse()?);
    let client = builder(seeds.directory.path()).tick_interval(tick).start()?;
    let patron = client.patron();
    start(&patron, &seeds, false)?;
    std::thread::sleep(SETTLE);

    let (begun, first) = (Instant::now(), cpu_of_threads()?);
    let mut windows = Vec::new();
    for _ in 0..WINDOWS {
        let (start, before) = (Instant::now(), cpu_of_threads()?);
        std::thread::sleep(WINDOW);
        windows.push(format!(
            "{:.4}",
            percent(total(&cpu_of_threads()?).saturating_sub(total(&before)), start)
        ));
    }
    println!("{}", windows.join(" "));

    // The newest threads are libtorrent's disk threads.
    let used = cpu_of_threads()?.into_iter().map(|(thread, used)| {
        let before = first.get(&thread).copied().unwrap_or_default();
        percent(used.saturating_sub(before), begun)
    });
    let used: Vec<_> = used.collect();
    let [measuring, client, network, disk @ ..] = &used[..] else {
        return Err("a client has two threads at least".into());
    };
    println!(
        "the client's thread {client:.3}, libtorrent's network {network:.3}, its {} disk threads \
         {:.3}, the measurement {measuring:.3}",
        disk.len(),
        disk.iter().fold(0.0, |sum, used| sum + used)
    );
    Ok(())
}

/// The CPU time of each thread.
pub(crate) type Threads = BTreeMap<u32, Duration>;

fn total(threads: &Threads) -> Duration {
    threads.values().sum()
}

fn percent(used: Duration, since: Instant) -> f64 {
    100.0 * used.as_secs_f64() / since.elapsed().as_secs_f64()
}

/// Returns the CPU time by thread number, which increases as threads start. In nanoseconds, because
/// `/proc/self/stat` counts in units of 10 ms.
pub(crate) fn cpu_of_threads() -> Result<Threads> {
    let mut threads = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        let number = entry.file_name().to_string_lossy().parse()?;
        let scheduled = std::fs::read_to_string(entry.path().join("schedstat"))?;
        let used = scheduled.split(' ').next().unwrap_or_default().parse()?;
        threads.insert(number, Duration::from_nanos(used));
    }
    Ok(threads)
}
