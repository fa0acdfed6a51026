//! One run: both sides alive, measured in turns.

use std::ops::AddAssign;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::data::Data;
use crate::load::{Plan, Swarm, Taken, wait_until_served};
use crate::seeder::{Seeder, Side, cpu_of_all, cpu_of_process};

pub(crate) const CONNECTIONS: [u32; 2] = [8, 50];
/// Requests outstanding on each connection: 1 MiB.
const PIPELINE: u32 = 64;
/// How long a side is measured before it is the other's turn.
const SLICE: Duration = Duration::from_millis(200);
/// What passes unmeasured before a slice, until buffers and TCP windows have grown again.
const RAMP: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_secs(60);

/// What one side did in its slices on one number of connections.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) taken: Taken,
    pub(crate) seeder_cpu: Duration,
    /// Processor time of everything that is neither a seeder nor this program.
    pub(crate) foreign_cpu: Duration,
    /// Connections that the seeder had unchoked.
    pub(crate) served: u32,
}

/// Bare and wrapper, on each number of connections.
pub(crate) type Pairs = [[Sample; 2]; CONNECTIONS.len()];

/// Measures each side for `time` on each number of connections.
pub(crate) fn run(
    sides: &[Side; 2],
    data: &Data,
    time: Duration,
    number: usize,
    directory: &Path,
) -> Result<Pairs> {
    let [bare, wrapper] = sides;
    let seeders = [
        Seeder::start(bare, data, &directory.join("bare.log"))?,
        Seeder::start(wrapper, data, &directory.join("wrapper.log"))?,
    ];
    for seeder in &seeders {
        verify(seeder, data).with_context(|| seeder.describe())?;
    }
    let mut pairs = Pairs::default();
    for (pair, connections) in pairs.iter_mut().zip(CONNECTIONS) {
        *pair = take_turns(&seeders, data, connections, time, number)?;
    }
    for seeder in seeders {
        seeder.stop()?;
    }
    Ok(pairs)
}

/// Takes every piece once, which also maps all of the data into the seeder.
fn verify(seeder: &Seeder, data: &Data) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    wait_until_served(seeder.address, &data.torrent, deadline)?;
    Swarm::connect(seeder.address, &data.torrent, 4, PIPELINE, Plan::Verify, deadline)?
        .run_to_end(deadline)
}

fn take_turns(
    seeders: &[Seeder; 2],
    data: &Data,
    connections: u32,
    time: Duration,
    number: usize,
) -> Result<[Sample; 2]> {
    let connect = |seeder: &Seeder| {
        let deadline = Instant::now() + DEADLINE;
        let plan = Plan::Discard { seed: number as u64 };
        Swarm::connect(seeder.address, &data.torrent, connections, PIPELINE, plan, deadline)
            .with_context(|| seeder.describe())
    };
    let [bare, wrapper] = seeders;
    let mut swarms = [connect(bare)?, connect(wrapper)?];
    let mut samples = [Sample::default(); 2];
    let slices = time.div_duration_f64(SLICE).round().max(1.0) as usize;
    for slice in 0..slices {
        // bare, wrapper, wrapper, bare, ...: a machine that slows down favours neither.
        for turn in 0..2 {
            let side = (number + slice + turn) % 2;
            samples[side] += measure_slice(&mut swarms[side], side, seeders)
                .with_context(|| seeders[side].describe())?;
        }
    }
    Ok(samples)
}

fn measure_slice(swarm: &mut Swarm, side: usize, seeders: &[Seeder; 2]) -> Result<Sample> {
    swarm.run_for(RAMP)?;
    let before = Clocks::read(seeders)?;
    let taken = swarm.run_for(SLICE)?;
    let after = Clocks::read(seeders)?;
    let served = swarm.unchoked();
    swarm.drain()?;

    let ours = after.ours() - before.ours();
    Ok(Sample {
        taken,
        seeder_cpu: after.seeders[side] - before.seeders[side],
        foreign_cpu: (after.all - before.all).saturating_sub(ours),
        served,
    })
}

/// Processor time so far.
struct Clocks {
    all: Duration,
    this: Duration,
    seeders: [Duration; 2],
}

impl Clocks {
    fn read([bare, wrapper]: &[Seeder; 2]) -> Result<Self> {
        Ok(Self {
            all: cpu_of_all()?,
            this: cpu_of_process(std::process::id())?,
            seeders: [bare.cpu()?, wrapper.cpu()?],
        })
    }

    fn ours(&self) -> Duration {
        self.this + self.seeders[0] + self.seeders[1]
    }
}

impl AddAssign for Sample {
    fn add_assign(&mut self, slice: Self) {
        self.taken.bytes += slice.taken.bytes;
        self.taken.elapsed += slice.taken.elapsed;
        self.taken.cpu += slice.taken.cpu;
        self.seeder_cpu += slice.seeder_cpu;
        self.foreign_cpu += slice.foreign_cpu;
        self.served = self.served.max(slice.served);
    }
}
