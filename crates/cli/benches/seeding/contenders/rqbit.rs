//! rqbit, a client in Rust: <https://github.com/ikatson/rqbit>.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Contender, Launch, not_installed, torrent_files, version};
use crate::data::Data;
use crate::process::free_address;

pub(crate) struct Rqbit;

impl Contender for Rqbit {
    fn key(&self) -> &'static str {
        "rqbit"
    }

    fn name(&self) -> &'static str {
        "rqbit"
    }

    fn about(&self) -> String {
        version("rqbit").unwrap_or_default()
    }

    fn unavailable(&self) -> Option<String> {
        not_installed("rqbit").map(|reason| reason + " (cargo install --locked rqbit)")
    }

    fn launch(&self, data: &Data, home: &Path) -> Result<Launch> {
        let address = free_address()?;
        let mut command = Command::new("rqbit");
        command.env("HOME", home).current_dir(home);
        command.args(["-v", "error", "--disable-dht", "--disable-lsd", "--disable-trackers"]);
        command.args(["--disable-upnp-port-forward", "--listen-ip", "127.0.0.1"]);
        command.arg("--listen-port").arg(address.port().to_string());
        // A connection without requests must not be dropped.
        command.args(["--peer-limit", "100000", "--peer-read-write-timeout", "600s"]);
        command.args(["download", "--disable-http-api", "--overwrite"]);
        command.arg("--output-folder").arg(&data.directory).args(torrent_files(data));
        Ok(Launch { command, address: Some(address) })
    }
}
