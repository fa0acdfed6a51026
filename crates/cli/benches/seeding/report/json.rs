//! `results.json`, for programs: one object.
//!
//! - `machine`: `date` (UTC), `kernel`, `processor`, `cores`, `memory_mib`, `libtorrent`,
//!   `kernel_discards` (whether the load generator was spared a copy of what it threw away);
//! - `contenders`: `key`, `name`, `about` (version and settings);
//! - `cells`, one for each contender in each scenario on each number of connections: `scenario`,
//!   `connections`, `contender`; `mib_per_s`; `ratio` of that to the first contender's;
//!   `seeder_cpu_s_per_gib` and `load_cpu_s_per_gib`, user and system time of the seeder and of the
//!   load generator; `first_byte_ms`: `p50`, `p99`, and `samples`, how many requests on fresh
//!   connections these are of, and `unanswered`, how many came to nothing; `unchoked`, connections
//!   that were served; `resident_mib`, with mapped files, and `anonymous_mib`, without;
//!   `slices_mib_per_s`; `other_cpus`, what programs that take no part used meanwhile;
//! - `hot_while_cold`: `contender`; `alone` and `beside`, cells as above of the hot torrents without
//!   and with the cold one; `cold_mib_per_s`; `kept`, the second rate as a part of the first.
//!
//! What was not measured is null.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Report;
use crate::measure::Sample;

const MIB: f64 = (1u64 << 20) as f64;

pub(super) fn write(report: &Report, directory: &Path) -> Result<PathBuf> {
    let path = directory.join("results.json");
    let text = serde_json::to_string_pretty(&value(report))?;
    std::fs::write(&path, text + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn value(report: &Report) -> Value {
    let facts = &report.facts;
    let contenders = report.contenders.iter().map(|contender| {
        json!({ "key": contender.key, "name": contender.name, "about": contender.about })
    });
    let cells = report.cells.iter().map(|cell| {
        let mut value = sample(&cell.sample);
        value["scenario"] = cell.scenario.key().into();
        value["connections"] = cell.connections.into();
        value["contender"] = cell.contender.into();
        value["ratio"] = report.ratio(cell.scenario, cell.connections, &cell.sample).into();
        value
    });
    let hot_while_cold = report.hot_while_cold.iter().map(|(contender, measured)| {
        json!({
            "contender": contender,
            "alone": sample(&measured.alone),
            "beside": sample(&measured.beside),
            "cold_mib_per_s": measured.cold_rate,
            "kept": measured.beside.rate() / measured.alone.rate(),
        })
    });
    json!({
        "machine": {
            "date": facts.date,
            "kernel": facts.kernel,
            "processor": facts.processor,
            "cores": facts.cores,
            "memory_mib": facts.memory_mib,
            "libtorrent": facts.libtorrent,
            "kernel_discards": facts.kernel_discards,
        },
        "contenders": contenders.collect::<Vec<_>>(),
        "cells": cells.collect::<Vec<_>>(),
        "hot_while_cold": hot_while_cold.collect::<Vec<_>>(),
    })
}

fn sample(sample: &Sample) -> Value {
    let mib = |bytes: u64| bytes as f64 / MIB;
    json!({
        "mib_per_s": sample.rate(),
        "seeder_cpu_s_per_gib": sample.cost(),
        "load_cpu_s_per_gib": sample.load_cost(),
        "first_byte_ms": {
            "p50": sample.first_byte(0.5),
            "p99": sample.first_byte(0.99),
            "samples": sample.first_bytes.len(),
            "unanswered": sample.unanswered,
        },
        "unchoked": sample.unchoked,
        "resident_mib": sample.memory.map(|memory| mib(memory.resident)),
        "anonymous_mib": sample.memory.map(|memory| mib(memory.anonymous)),
        "slices_mib_per_s": sample.slices,
        "other_cpus": sample.foreign_cpu.as_secs_f64() / sample.elapsed.as_secs_f64(),
    })
}
