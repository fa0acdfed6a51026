//! Data in the page cache. All contenders run, and take turns in short slices, so that other activity on the
//! machine affects all of them equally.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{CONNECT, Load, RAMP, SLICE, Sample, UNCHOKE, random_blocks, tolerate};
use crate::contenders::Seeder;
use crate::contenders::iperf3::{self, Iperf3};
use crate::data::Data;
use crate::load::{Plan, Swarm};
use crate::options::Options;
use crate::report::Report;
use crate::scenario::Scenario;

/// The number of fresh connections for each contender.
const PROBES: usize = 100;
const VERIFY: Duration = Duration::from_secs(8);

/// Receives every piece once and compares it with its hash. Of a slow seeder, only the pieces that arrive in
/// time.
pub(crate) fn verify(seeder: &Seeder, data: &Data) -> Result<()> {
    let large = [0; 4];
    let connections: Vec<usize> = large.into_iter().chain(1..data.torrents.len()).collect();
    let now = Instant::now();
    let mut swarm = Swarm::open(
        &seeder.addresses,
        &data.torrents,
        &connections,
        Scenario::HotSmall.pipeline(connections.len()),
        Plan::Verify,
        now + CONNECT,
    )?;
    swarm.wait_until_unchoked(now + UNCHOKE)?;
    swarm.run_for(VERIFY)?;
    let all = swarm.has_all();
    ensure!(all || !seeder.contender.is_required(), "not every piece came in {VERIFY:?}");
    if !all {
        println!("{} is slow: only a part of its data is verified", seeder.contender.name());
    }
    Ok(())
}

/// One cell of the matrix.
pub(crate) type Cell = (Scenario, u32);

/// One contender in a cell.
struct Turn<'s, 'a> {
    seeder: &'s Seeder<'a>,
    load: Load<'a>,
    sample: Sample,
}

/// Measures the seeders in all cells. One that fails is removed.
pub(crate) fn hot<'a>(
    cells: &[Cell],
    seeders: &mut Vec<Seeder<'a>>,
    iperf3: Option<&Iperf3>,
    data: &'a Data,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let mut alive: Vec<&Seeder> = seeders.iter().collect();
    let mut next = match cells.first() {
        Some(&cell) => open(&alive, data, cell),
        None => Vec::new(),
    };
    for (number, &(scenario, connections)) in cells.iter().enumerate() {
        let mut turns = std::mem::take(&mut next);
        // One cell ahead, so that all will have been unchoked when it is its turn.
        if let Some(&cell) = cells.get(number + 1) {
            next = open(&alive, data, cell);
        }
        turns = wait_until_unchoked(turns);
        let rounds = options.time.div_duration_f64(SLICE).round().max(1.0) as usize;
        for round in 0..rounds {
            // First to last, then last to first, so that a machine that slows down favours none.
            turns.reverse();
            turns = take_turns(turns, &alive, |seeder| {
                match (seeder.contender.answers_seldom(), round == rounds / 2) {
                    (false, _) => Some(SLICE),
                    (true, true) => Some(options.time),
                    (true, false) => None,
                }
            });
            let large = scenario != Scenario::HotSmall;
            if let Some(iperf3) = iperf3.filter(|_| large && round == rounds / 2) {
                report.add(scenario, connections, iperf3::KEY, send(iperf3, connections)?);
            }
        }
        let still = |key| turns.iter().any(|turn| turn.seeder.contender.key() == key);
        alive.retain(|seeder| still(seeder.contender.key()));
        next.retain(|turn| still(turn.seeder.contender.key()));
        for turn in turns {
            report.add(scenario, connections, turn.seeder.contender.key(), turn.sample);
        }
    }
    let alive: Vec<_> = alive.iter().map(|seeder| seeder.contender.key()).collect();
    seeders.retain(|seeder| alive.contains(&seeder.contender.key()));
    Ok(())
}

fn open<'s, 'a>(
    seeders: &[&'s Seeder<'a>],
    data: &'a Data,
    (scenario, connections): Cell,
) -> Vec<Turn<'s, 'a>> {
    let torrents = scenario.torrents(connections, data.torrents.len());
    let mut turns = Vec::new();
    for (number, &seeder) in seeders.iter().enumerate() {
        let plan = Plan::Random { seed: number as u64 };
        let probed = random_blocks(data, &torrents, PROBES, number as u64);
        let load = Load::open(seeder, data, scenario, &torrents, plan, &probed);
        if let Some(load) = tolerate(seeder.contender, load) {
            turns.push(Turn { seeder, load, sample: Sample::default() });
        }
    }
    turns
}

fn wait_until_unchoked<'s, 'a>(turns: Vec<Turn<'s, 'a>>) -> Vec<Turn<'s, 'a>> {
    let deadline = Instant::now() + UNCHOKE;
    let mut unchoked = Vec::new();
    for mut turn in turns {
        let ended = turn.load.wait_until_unchoked(deadline);
        if tolerate(turn.seeder.contender, ended).is_some() {
            unchoked.push(turn);
        }
    }
    unchoked
}

/// One slice for each, or none if `length` returns none.
fn take_turns<'s, 'a>(
    turns: Vec<Turn<'s, 'a>>,
    alive: &[&Seeder],
    length: impl Fn(&Seeder) -> Option<Duration>,
) -> Vec<Turn<'s, 'a>> {
    let mut still = Vec::new();
    for mut turn in turns {
        let Some(length) = length(turn.seeder) else {
            still.push(turn);
            continue;
        };
        let slice = turn.slice(length, alive);
        if let Some(slice) = tolerate(turn.seeder.contender, slice) {
            turn.sample += slice;
            still.push(turn);
        }
    }
    still
}

impl Turn<'_, '_> {
    fn slice(&mut self, length: Duration, alive: &[&Seeder]) -> Result<Sample> {
        self.load.swarm.run_for(RAMP)?;
        let sample = self.load.measure(length, self.seeder, alive)?;
        self.load.swarm.drain()?;
        Ok(sample)
    }
}

fn send(iperf3: &Iperf3, connections: u32) -> Result<Sample> {
    let sent = iperf3.send(connections).context(iperf3::NAME)?;
    let mut sample = Sample {
        bytes: sent.bytes,
        elapsed: sent.elapsed,
        seeder_cpu: sent.cpu,
        ..Sample::default()
    };
    sample.slices.push(sample.rate());
    Ok(sample)
}
