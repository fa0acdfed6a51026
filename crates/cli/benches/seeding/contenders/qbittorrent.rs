//! qbittorrent-nox, the most widely used client, which uses libtorrent's stock disk backend.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Contender, Launch, not_installed, torrent_files, version};
use crate::data::Data;
use crate::process::free_address;

const PROGRAM: &str = "qbittorrent-nox";

pub(crate) struct Qbittorrent;

impl Contender for Qbittorrent {
    fn key(&self) -> &'static str {
        "qbittorrent"
    }

    fn name(&self) -> &'static str {
        "qbittorrent-nox"
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

    fn launch(&self, data: &Data, home: &Path) -> Result<Launch> {
        let address = free_address()?;
        let directory = home.join("qBittorrent/config");
        std::fs::create_dir_all(&directory)?;
        let settings = settings(address.port(), free_address()?.port());
        std::fs::write(directory.join("qBittorrent.conf"), settings)?;

        let mut command = Command::new(PROGRAM);
        command.env("HOME", home);
        command.arg(format!("--profile={}", home.display()));
        command.arg(format!("--save-path={}", data.directory.display()));
        command.arg("--add-paused=false").args(torrent_files(data));
        Ok(Launch { command, address: Some(address) })
    }
}

fn settings(port: u16, web_port: u16) -> String {
    format!(
        r"[LegalNotice]
Accepted=true

[BitTorrent]
Session\InterfaceAddress=127.0.0.1
Session\Port={port}
Session\BTProtocol=TCP
Session\Encryption=2
Session\DHTEnabled=false
Session\LSDEnabled=false
Session\PeXEnabled=false
Session\MultiConnectionsPerIp=true
Session\MaxConnections=-1
Session\MaxConnectionsPerTorrent=-1
Session\MaxActiveCheckingTorrents=500
Session\MaxUploads=-1
Session\MaxUploadsPerTorrent=-1
Session\QueueingSystemEnabled=false

[Network]
PortForwardingEnabled=false

[Preferences]
Connection\ResolvePeerCountries=false
WebUI\Address=127.0.0.1
WebUI\Port={web_port}
WebUI\UPnP=false
"
    )
}
