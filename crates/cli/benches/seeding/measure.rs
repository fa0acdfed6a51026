//! The measurements: what is received in a slice of time, and what that costs.

mod cold;
mod hot;
mod hot_while_cold;

use std::ops::AddAssign;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

pub(crate) use cold::cold;
pub(crate) use hot::{hot, verify};
pub(crate) use hot_while_cold::{HotWhileCold, hot_while_cold};

use crate::contenders::{Contender, Seeder};
use crate::data::{Data, split_mix};
use crate::load::{Block, Plan, Probes, Swarm, Taken};
use crate::process::{Memory, cpu_of_all};
use crate::scenario::Scenario;

/// How long a contender is measured before it is the next one's turn.
const SLICE: Duration = Duration::from_millis(250);
/// The unmeasured time before a slice, until buffers and TCP windows have grown again.
const RAMP: Duration = Duration::from_millis(100);
const CONNECT: Duration = Duration::from_secs(60);
/// Transmission unchokes every 10 seconds.
const UNCHOKE: Duration = Duration::from_secs(12);

const MIB: f64 = (1u64 << 20) as f64;
const GIB: f64 = (1u64 << 30) as f64;

/// The results of a contender in its slices.
#[derive(Clone, Default)]
pub(crate) struct Sample {
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    pub(crate) seeder_cpu: Duration,
    /// Processor time of the load generator.
    pub(crate) load_cpu: Duration,
    /// Processor time of everything that is neither a seeder nor this program.
    pub(crate) foreign_cpu: Duration,
    /// Connections that the seeder had unchoked.
    pub(crate) unchoked: u32,
    /// From a request to the first byte of its block, on fresh connections.
    pub(crate) first_bytes: Vec<Duration>,
    /// Requests on fresh connections that were not answered.
    pub(crate) unanswered: u32,
    /// MiB/s of each slice.
    pub(crate) slices: Vec<f64>,
    pub(crate) memory: Option<Memory>,
}

impl Sample {
    /// Returns the rate in MiB/s.
    pub(crate) fn rate(&self) -> f64 {
        self.bytes as f64 / MIB / self.elapsed.as_secs_f64()
    }

    /// Returns the seeder's processor time in seconds per GiB.
    pub(crate) fn cost(&self) -> f64 {
        self.seeder_cpu.as_secs_f64() / (self.bytes as f64 / GIB)
    }

    /// Returns the load generator's processor time in seconds per GiB.
    pub(crate) fn load_cost(&self) -> f64 {
        self.load_cpu.as_secs_f64() / (self.bytes as f64 / GIB)
    }

    /// Returns the time in milliseconds in which this part of the first bytes, 0 to 1, arrived.
    pub(crate) fn first_byte(&self, part: f64) -> Option<f64> {
        let mut sorted = self.first_bytes.clone();
        sorted.sort();
        let index = (sorted.len() as f64 * part).ceil() as usize;
        sorted.get(index.saturating_sub(1)).map(|time| time.as_secs_f64() * 1e3)
    }
}

impl AddAssign for Sample {
    fn add_assign(&mut self, slice: Self) {
        self.bytes += slice.bytes;
        self.elapsed += slice.elapsed;
        self.seeder_cpu += slice.seeder_cpu;
        self.load_cpu += slice.load_cpu;
        self.foreign_cpu += slice.foreign_cpu;
        self.unchoked = self.unchoked.max(slice.unchoked);
        self.first_bytes.extend(slice.first_bytes);
        self.unanswered += slice.unanswered;
        self.slices.extend(slice.slices);
        self.memory = slice.memory.or(self.memory);
    }
}

/// A swarm, and the fresh connections.
struct Load<'a> {
    swarm: Swarm<'a>,
    probes: Probes<'a>,
}

impl<'a> Load<'a> {
    /// Opens one connection for each of `torrents` and one probe for each of `probed`.
    fn open(
        seeder: &Seeder,
        data: &'a Data,
        scenario: Scenario,
        torrents: &[usize],
        plan: Plan,
        probed: &[(usize, Block)],
    ) -> Result<Self> {
        let (addresses, deadline) = (&seeder.addresses, Instant::now() + CONNECT);
        let swarm = Swarm::open(
            addresses,
            &data.torrents,
            torrents,
            scenario.pipeline(torrents.len()),
            plan,
            deadline,
        );
        let swarm = swarm.with_context(|| seeder.describe())?;
        let probes = Probes::open(addresses, &data.torrents, probed.iter().copied(), deadline);
        Ok(Self { swarm, probes: probes.with_context(|| seeder.describe())? })
    }

    fn wait_until_unchoked(&mut self, deadline: Instant) -> Result<()> {
        self.swarm.wait_until_unchoked(deadline)?;
        self.probes.wait_until_unchoked(deadline);
        Ok(())
    }

    /// Measures `seeder` for the time `window`; `alive` are all running seeders.
    fn measure(&mut self, window: Duration, seeder: &Seeder, alive: &[&Seeder]) -> Result<Sample> {
        let before = Clocks::read(seeder, alive)?;
        let (taken, after, answers) = thread::scope(|scope| {
            let probes = scope.spawn(|| self.probes.run_for(window));
            let taken = self.swarm.run_for(window);
            // The probes may still be waiting for an answer.
            let after = Clocks::read(seeder, alive);
            (taken, after, probes.join().unwrap_or_default())
        });
        let (taken, after): (Taken, Clocks) = (taken?, after?);
        let mut sample = Sample {
            bytes: taken.bytes,
            elapsed: taken.elapsed,
            seeder_cpu: after.seeder - before.seeder,
            load_cpu: after.this - before.this,
            foreign_cpu: (after.all - before.all).saturating_sub(after.ours - before.ours),
            unchoked: self.swarm.unchoked(),
            first_bytes: answers.times,
            unanswered: answers.missing,
            slices: Vec::new(),
            memory: Some(seeder.process.memory()?),
        };
        sample.slices.push(sample.rate());
        Ok(sample)
    }
}

/// The processor time so far.
struct Clocks {
    all: Duration,
    this: Duration,
    seeder: Duration,
    /// The time of all seeders and this program.
    ours: Duration,
}

impl Clocks {
    fn read(seeder: &Seeder, alive: &[&Seeder]) -> Result<Self> {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let this = Duration::new(time.tv_sec as u64, time.tv_nsec as u32);
        let mut ours = this;
        for seeder in alive {
            ours += seeder.process.cpu()?;
        }
        Ok(Self { all: cpu_of_all()?, this, seeder: seeder.process.cpu()?, ours })
    }
}

/// A contender that fails is excluded; the results of the others are still useful.
pub(crate) fn tolerate<T>(contender: &dyn Contender, result: Result<T>) -> Option<T> {
    result
        .inspect_err(|error| println!("{} is left out from here on: {error:#}", contender.name()))
        .ok()
}

/// Returns the first blocks of random pieces, one from each of the given torrents in turn.
fn random_blocks(
    data: &Data,
    torrents: &[usize],
    count: usize,
    mut seed: u64,
) -> Vec<(usize, Block)> {
    let random_block = |&torrent: &usize| {
        let pieces = u64::from(data.torrents[torrent].pieces());
        (torrent, Block { piece: (split_mix(&mut seed) % pieces) as u32, begin: 0 })
    };
    torrents.iter().cycle().take(count).map(random_block).collect()
}

/// Returns the pieces of a torrent in random order.
fn shuffled(pieces: u32, mut seed: u64) -> Vec<u32> {
    let mut shuffled: Vec<u32> = (0..pieces).collect();
    shuffled.sort_by_cached_key(|_| split_mix(&mut seed));
    shuffled
}
