//! The machine and the versions, without which the figures are meaningless.

use anyhow::Result;

use crate::load::kernel_discards;
use crate::process::output;

pub(crate) struct Facts {
    pub(crate) date: String,
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) libtorrent: String,
    /// Whether the load generator can discard data without copying it.
    pub(crate) kernel_discards: bool,
}

impl Facts {
    pub(crate) fn gather() -> Result<Self> {
        let said = |program, arguments: &[&str]| -> Result<String> {
            Ok(output(program, arguments)?.trim().to_owned())
        };
        let processors = std::fs::read_to_string("/proc/cpuinfo")?;
        let memory = std::fs::read_to_string("/proc/meminfo")?;
        let memory_kib =
            value(&memory, "MemTotal").and_then(|kib| kib.split(' ').next()?.parse().ok());
        Ok(Self {
            date: said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])?,
            kernel: said("uname", &["-sr"])?,
            processor: value(&processors, "model name").unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory_kib.unwrap_or(0) >> 10,
            libtorrent: said("pkg-config", &["--modversion", "libtorrent-rasterbar"])?,
            kernel_discards: kernel_discards()?,
        })
    }
}

/// Returns the value of the first line `name: value`.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
