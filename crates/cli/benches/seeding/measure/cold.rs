//! Data that is only on disk. Mapped data stays in the page cache, so the contenders run one after the other,
//! each freshly started, and each piece is requested once.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Load, Sample, UNCHOKE, random_blocks, shuffled, tolerate};
use crate::contenders::{Contender, Seeder};
use crate::data::Data;
use crate::load::{Block, Plan};
use crate::options::Options;
use crate::page_cache::{evict, resident};
use crate::progress;
use crate::report::Report;
use crate::scenario::Scenario;

/// The part of the data that may still be in memory, because seeders read the first bytes of files.
const COLD: f64 = 0.01;
/// One in this many pieces of a cell is reserved for fresh connections.
const PROBED: usize = 8;

struct Cell<'a> {
    scenario: Scenario,
    connections: u32,
    load: Load<'a>,
}

/// Measures each contender in each cell, all contenders once in each of two rounds.
pub(crate) fn cold(
    contenders: &mut Vec<&dyn Contender>,
    data: &Data,
    options: &Options,
    directory: &std::path::Path,
    report: &mut Report,
) {
    for _ in 0..2 {
        contenders.reverse();
        let mut still = Vec::new();
        for &contender in &*contenders {
            progress(&format!("cold, {}", contender.name()));
            let measured = one(contender, data, options, directory);
            if let Some(measured) = tolerate(contender, measured) {
                for (scenario, connections, sample) in measured {
                    report.add(scenario, connections, contender.key(), sample);
                }
                still.push(contender);
            }
        }
        *contenders = still;
    }
}

fn one(
    contender: &dyn Contender,
    data: &Data,
    options: &Options,
    directory: &std::path::Path,
) -> Result<Vec<(Scenario, u32, Sample)>> {
    let seeder = Seeder::start(contender, data, directory)?;
    seeder.wait_until_complete(data)?;
    let mut cells = open(&seeder, data, options)?;
    let deadline = Instant::now() + UNCHOKE;
    for cell in &mut cells {
        cell.load.wait_until_unchoked(deadline)?;
    }
    evict(data.files())?;
    let left = resident(data.files())?;
    ensure!(left < COLD, "{:.0} % of its data stay in the page cache", left * 100.0);

    let mut samples = Vec::new();
    for mut cell in cells {
        let sample = cell.load.measure(options.time, &seeder, &[&seeder])?;
        samples.push((cell.scenario, cell.connections, sample));
    }
    seeder.stop()?;
    Ok(samples)
}

/// Connects for all cells. Each number of connections gets its own part of the large torrent; the small ones
/// are large enough for one cell, that with the most connections.
fn open<'a>(seeder: &Seeder, data: &'a Data, options: &Options) -> Result<Vec<Cell<'a>>> {
    let mut cells = Vec::new();
    let all = data.torrents.len();
    if options.scenarios.contains(&Scenario::ColdLarge) {
        let scenario = Scenario::ColdLarge;
        let pieces = shuffled(data.torrents[0].pieces(), 0);
        let parts = pieces.chunks(pieces.len() / options.connections.len());
        for (&connections, part) in options.connections.iter().zip(parts) {
            let (probed, taken) = part.split_at(part.len() / PROBED);
            let probed: Vec<_> =
                probed.iter().map(|&piece| (0, Block { piece, begin: 0 })).collect();
            let plan = Plan::Once(vec![taken.to_vec()]);
            let torrents = scenario.torrents(connections, all);
            let load = Load::open(seeder, data, scenario, &torrents, plan, &probed)?;
            cells.push(Cell { scenario, connections, load });
        }
    }
    if options.scenarios.contains(&Scenario::ColdSmall)
        && let Some(&connections) = options.connections.iter().max()
    {
        let scenario = Scenario::ColdSmall;
        let torrents = scenario.torrents(connections, all);
        let mut pieces = vec![Vec::new(); all];
        for &torrent in &torrents {
            pieces[torrent] = shuffled(data.torrents[torrent].pieces(), torrent as u64);
        }
        let mut probed = random_blocks(data, &torrents, torrents.len().min(all - 1) / PROBED, 0);
        for (torrent, block) in &mut probed {
            block.piece = pieces[*torrent].pop().unwrap_or_default();
        }
        let load = Load::open(seeder, data, scenario, &torrents, Plan::Once(pieces), &probed)?;
        cells.push(Cell { scenario, connections, load });
    }
    Ok(cells)
}
