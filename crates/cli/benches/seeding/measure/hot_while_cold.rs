//! The effect of a slow disk on torrents that do not need it: small torrents are read from the page cache,
//! alternately alone and while one connection reads the large one from the disk.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{CONNECT, Load, RAMP, SLICE, Sample, UNCHOKE, random_blocks, shuffled, tolerate};
use crate::contenders::{Contender, Seeder};
use crate::data::Data;
use crate::load::{Plan, Swarm};
use crate::options::Options;
use crate::page_cache::{evict, resident, warm};
use crate::progress;
use crate::report::Report;
use crate::scenario::Scenario;

const HOT_CONNECTIONS: u32 = 8;
/// Few requests at a time, because this tests who waits for the disk, not how the processor is shared with
/// another stream at full speed.
const COLD_PIPELINE: u32 = 4;
const COLD: f64 = 0.01;
const PROBES: usize = 200;

/// The rates of the hot torrents without and with the cold one, and of the cold one, in MiB/s.
pub(crate) struct HotWhileCold {
    pub(crate) alone: Sample,
    pub(crate) beside: Sample,
    pub(crate) cold_rate: f64,
}

pub(crate) fn hot_while_cold(
    contenders: &mut Vec<&dyn Contender>,
    data: &Data,
    options: &Options,
    directory: &Path,
    report: &mut Report,
) {
    contenders.retain(|&contender| {
        progress(&format!("hot while cold, {}", contender.name()));
        let measured = tolerate(contender, one(contender, data, options, directory));
        let present = measured.is_some();
        if let Some(measured) = measured {
            report.add_hot_while_cold(contender.key(), measured);
        }
        present
    });
}

fn one(
    contender: &dyn Contender,
    data: &Data,
    options: &Options,
    directory: &Path,
) -> Result<HotWhileCold> {
    let seeder = Seeder::start(contender, data, directory)?;
    seeder.wait_until_complete(data)?;
    let torrents = Scenario::HotWhileCold.torrents(HOT_CONNECTIONS, data.torrents.len());
    let probed = random_blocks(data, &torrents, PROBES, 0);
    let mut hot = Load::open(
        &seeder,
        data,
        Scenario::HotWhileCold,
        &torrents,
        Plan::Random { seed: 0 },
        &probed,
    )?;
    let pieces = shuffled(data.torrents[0].pieces(), 1);
    let plan = Plan::Once(vec![pieces]);
    let now = Instant::now();
    let mut cold =
        Swarm::open(&seeder.addresses, &data.torrents, &[0], COLD_PIPELINE, plan, now + CONNECT)
            .with_context(|| seeder.describe())?;
    hot.wait_until_unchoked(now + UNCHOKE)?;
    cold.wait_until_unchoked(now + UNCHOKE)?;

    let large = || data.files().take(1);
    evict(large())?;
    let left = resident(large())?;
    ensure!(left < COLD, "{:.0} % of its data stay in the page cache", left * 100.0);
    warm(data.files().skip(1))?;

    let mut result =
        HotWhileCold { alone: Sample::default(), beside: Sample::default(), cold_rate: 0.0 };
    let (mut cold_bytes, mut cold_time) = (0, Duration::ZERO);
    let rounds = options.time.div_duration_f64(SLICE).round().max(1.0) as usize;
    for _ in 0..rounds {
        hot.swarm.run_for(RAMP)?;
        result.alone += hot.measure(SLICE, &seeder, &[&seeder])?;

        let (beside, taken) = thread::scope(|scope| {
            let reader = scope.spawn(|| cold.run_for(RAMP + SLICE));
            let beside =
                hot.swarm.run_for(RAMP).and_then(|_| hot.measure(SLICE, &seeder, &[&seeder]));
            (beside, reader.join().expect("the reader of cold data does not panic"))
        });
        let taken = taken?;
        result.beside += beside?;
        cold_bytes += taken.bytes;
        cold_time += taken.elapsed;
        hot.swarm.drain()?;
        cold.drain()?;
    }
    seeder.stop()?;
    result.cold_rate = cold_bytes as f64 / super::MIB / cold_time.as_secs_f64();
    ensure!(cold_bytes > 0, "nothing came of the cold torrent");
    Ok(result)
}
