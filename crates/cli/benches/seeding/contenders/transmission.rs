//! transmission-daemon.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::{Contender, Launch, not_installed, torrent_files, version};
use crate::data::Data;
use crate::process::free_address;

const PROGRAM: &str = "transmission-daemon";
const MANY: u32 = 60_000;

pub(crate) struct Transmission;

impl Contender for Transmission {
    fn key(&self) -> &'static str {
        "transmission"
    }

    fn name(&self) -> &'static str {
        "transmission"
    }

    fn about(&self) -> String {
        version(PROGRAM).unwrap_or_default()
    }

    fn unavailable(&self) -> Option<String> {
        not_installed(PROGRAM)
    }

    fn starts_quickly(&self) -> bool {
        false
    }

    fn answers_seldom(&self) -> bool {
        true
    }

    fn launch(&self, data: &Data, home: &Path) -> Result<Launch> {
        let address = free_address()?;
        let settings = json!({
            "bind-address-ipv4": "127.0.0.1",
            "bind-address-ipv6": "::1",
            "peer-port": address.port(),
            "dht-enabled": false,
            "lpd-enabled": false,
            "pex-enabled": false,
            "utp-enabled": false,
            "port-forwarding-enabled": false,
            "rpc-enabled": false,
            "encryption": 0,
            "peer-limit-global": MANY,
            "peer-limit-per-torrent": MANY,
            "upload-slots-per-torrent": MANY,
            "download-queue-enabled": false,
            "seed-queue-enabled": false,
        });
        std::fs::write(home.join("settings.json"), settings.to_string())?;
        // Torrents that are there at the start are seeded.
        let torrents = home.join("torrents");
        std::fs::create_dir_all(&torrents)?;
        for file in torrent_files(data) {
            std::fs::copy(file, torrents.join(file.file_name().unwrap_or_default()))?;
        }
        let mut command = Command::new(PROGRAM);
        command.arg("--foreground").arg("--config-dir").arg(home);
        command.arg("--download-dir").arg(&data.directory);
        Ok(Launch { command, address: Some(address) })
    }
}
