//! The sender of iperf3, which writes 16 KiB at a time. It shows the kernel's cost of sending this much data,
//! which limits a seeder that copies. It is not a seeder, and is measured for comparison.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::version;
use crate::load::sink;
use crate::process::output;

pub(crate) const KEY: &str = "iperf3";
pub(crate) const NAME: &str = "iperf3 sender";
/// The maximum that it supports.
const MOST_STREAMS: u32 = 128;

/// The receiving end.
pub(crate) struct Iperf3 {
    listener: TcpListener,
    port: String,
}

pub(crate) struct Sent {
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
}

pub(crate) fn about() -> Option<String> {
    Some(version("iperf3")? + ", -l 16K")
}

impl Iperf3 {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port().to_string();
        Ok(Self { listener, port })
    }

    /// Sends for a second, the minimum.
    pub(crate) fn send(&self, connections: u32) -> Result<Sent> {
        let streams = connections.min(MOST_STREAMS).to_string();
        let receiver = thread::spawn({
            let listener = self.listener.try_clone()?;
            move || sink::take_all(&listener)
        });
        let said = output(
            "iperf3",
            &[
                "--client",
                "127.0.0.1",
                "--port",
                &self.port,
                "--length",
                "16K",
                "--time",
                "1",
                "--parallel",
                &streams,
                "--json",
            ],
        )?;
        match receiver.join() {
            Ok(received) => received.context("its receiver failed")?,
            Err(_) => bail!("its receiver panicked"),
        }
        let said: serde_json::Value = serde_json::from_str(&said)?;
        let end = &said["end"];
        let number =
            |value: &serde_json::Value| value.as_f64().context("iperf3 says less than expected");
        let elapsed = number(&end["sum_sent"]["seconds"])?;
        let share = number(&end["cpu_utilization_percent"]["host_total"])? / 100.0;
        Ok(Sent {
            bytes: number(&end["sum_sent"]["bytes"])? as u64,
            elapsed: Duration::try_from_secs_f64(elapsed)?,
            cpu: Duration::try_from_secs_f64(elapsed * share)?,
        })
    }
}
