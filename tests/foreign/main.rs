//! Clients and trackers of other projects, on 127.0.0.1. A test whose program is not installed counts as
//! ignored, but fails if CI is `true`.

#[path = "../support/mod.rs"]
mod support;

mod aria2;
mod nginx;
mod opentracker;
#[cfg(target_os = "linux")]
mod privacy;
mod process;
mod proxy;
mod qbittorrent;
mod swarm;
mod transmission;

use std::path::Path;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use torrent_patron::metainfo::Protocol;

use crate::aria2::ARIA2;
use crate::nginx::NGINX;
use crate::opentracker::OPENTRACKER;
use crate::process::Program;
use crate::proxy::{Kind, MICROSOCKS, TINYPROXY};
use crate::qbittorrent::QBITTORRENT;
use crate::support::{in_ci, report_skipped};
use crate::transmission::TRANSMISSION;

fn main() {
    #[cfg(target_os = "linux")]
    if privacy::played() {
        return;
    }
    let tracker = &[OPENTRACKER];
    let aria2 = &[OPENTRACKER, ARIA2];
    let qbittorrent = &[OPENTRACKER, QBITTORRENT];
    let nginx = &[NGINX];
    let microsocks = &[OPENTRACKER, MICROSOCKS];
    let microsocks_nginx = &[MICROSOCKS, NGINX];
    let tinyproxy = &[OPENTRACKER, TINYPROXY];
    let tinyproxy_nginx = &[TINYPROXY, NGINX];
    let transmission = &[OPENTRACKER, TRANSMISSION];
    let trials = vec![
        trial("opentracker_introduces_our_peers_over_http", tracker, |dir| {
            opentracker::introduces_our_peers(dir, "http");
        }),
        trial("opentracker_introduces_our_peers_over_udp", tracker, |dir| {
            opentracker::introduces_our_peers(dir, "udp");
        }),
        trial(
            "opentracker_tells_how_many_there_are",
            tracker,
            opentracker::tells_how_many_there_are,
        ),
        trial(
            "opentracker_refuses_what_is_not_on_its_list",
            tracker,
            opentracker::refuses_what_is_not_on_its_list,
        ),
        trial("aria2_downloads_from_us", aria2, aria2::downloads_from_us),
        trial("aria2_downloads_from_us_encrypted", aria2, aria2::downloads_from_us_encrypted),
        trial("aria2_seeds_to_us", aria2, aria2::seeds_to_us),
        trial("a_magnet_link_gives_aria2_our_metadata", aria2, aria2::takes_our_metadata),
        trial("a_magnet_link_fetches_its_metadata_from_aria2", aria2, aria2::gives_its_metadata),
        trial("transmission_downloads_from_us", transmission, transmission::downloads_from_us),
        trial("transmission_seeds_to_us", transmission, transmission::seeds_to_us),
        trial("transmission_seeds_to_us_over_utp", transmission, transmission::seeds_over_utp),
        trial(
            "a_magnet_link_gives_transmission_our_metadata",
            transmission,
            transmission::takes_our_metadata,
        ),
        trial(
            "a_magnet_link_fetches_its_metadata_from_transmission",
            transmission,
            transmission::gives_its_metadata,
        ),
        trial("qbittorrent_downloads_from_us", qbittorrent, |dir| {
            qbittorrent::downloads_from_us(dir, Protocol::V1);
        }),
        trial("qbittorrent_downloads_a_hybrid_from_us", qbittorrent, |dir| {
            qbittorrent::downloads_from_us(dir, Protocol::Hybrid);
        }),
        trial("qbittorrent_downloads_v2_from_us", qbittorrent, |dir| {
            qbittorrent::downloads_from_us(dir, Protocol::V2);
        }),
        trial("qbittorrent_seeds_to_us", qbittorrent, |dir| {
            qbittorrent::seeds_to_us(dir, Protocol::V1);
        }),
        trial("qbittorrent_seeds_a_hybrid_to_us", qbittorrent, |dir| {
            qbittorrent::seeds_to_us(dir, Protocol::Hybrid);
        }),
        trial("qbittorrent_seeds_v2_to_us", qbittorrent, |dir| {
            qbittorrent::seeds_to_us(dir, Protocol::V2);
        }),
        trial("a_magnet_link_gives_qbittorrent_our_v1_metadata", qbittorrent, |dir| {
            qbittorrent::takes_our_metadata(dir, Protocol::V1);
        }),
        trial("a_magnet_link_gives_qbittorrent_our_v2_metadata", qbittorrent, |dir| {
            qbittorrent::takes_our_metadata(dir, Protocol::V2);
        }),
        trial(
            "a_magnet_link_fetches_its_metadata_from_qbittorrent",
            qbittorrent,
            qbittorrent::gives_its_metadata,
        ),
        trial(
            "what_qbittorrent_keeps_is_imported_into_a_store",
            &[QBITTORRENT],
            qbittorrent::hands_its_torrents_over,
        ),
        trial("nginx_seeds_a_file", nginx, nginx::seeds_a_file),
        trial("nginx_seeds_a_directory", nginx, nginx::seeds_a_directory),
        trial("nginx_seeds_what_begins_without_it", nginx, nginx::seeds_what_begins_without_it),
        trial("nginx_seeds_wrong_data", nginx, nginx::seeds_wrong_data),
        trial("microsocks_carries_a_download", microsocks, |dir| {
            proxy::carries_a_download(dir, Kind::Socks5);
        }),
        trial("microsocks_asks_for_a_password", microsocks, |dir| {
            proxy::asks_for_a_password(dir, Kind::Socks5);
        }),
        trial("microsocks_carries_a_web_seed", microsocks_nginx, |dir| {
            proxy::carries_a_web_seed(dir, Kind::Socks5);
        }),
        trial("microsocks_is_down_at_first", microsocks, |dir| {
            proxy::is_down_at_first(dir, Kind::Socks5);
        }),
        trial("microsocks_has_no_udp", microsocks, proxy::has_no_udp),
        trial("tinyproxy_carries_a_download", tinyproxy, |dir| {
            proxy::carries_a_download(dir, Kind::Http);
        }),
        trial("tinyproxy_asks_for_a_password", tinyproxy, |dir| {
            proxy::asks_for_a_password(dir, Kind::Http);
        }),
        trial("tinyproxy_carries_a_web_seed", tinyproxy_nginx, |dir| {
            proxy::carries_a_web_seed(dir, Kind::Http);
        }),
        trial("tinyproxy_is_down_at_first", tinyproxy, |dir| {
            proxy::is_down_at_first(dir, Kind::Http);
        }),
    ];
    #[cfg(target_os = "linux")]
    let trials = trials.into_iter().chain([
        secluded("offline_sends_nothing", privacy::offline_sends_nothing),
        secluded("nothing_goes_past_a_proxy", privacy::nothing_goes_past_a_proxy),
        secluded(
            "a_torrent_reaches_nothing_on_the_local_network_by_a_redirect",
            privacy::a_torrent_reaches_nothing_on_the_local_network_by_a_redirect,
        ),
    ]);
    let trials = trials.into_iter().collect();
    let mut arguments = Arguments::from_args();
    // Most of the time they wait for the other programs' timers.
    arguments.test_threads.get_or_insert(6);
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test in its own directory.
fn trial(name: &'static str, needs: &'static [Program], test: fn(&Path)) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(missing) = needs.iter().find(|program| !program.is_installed()) {
            return without(name, missing);
        }
        let dir = tempfile::tempdir()?;
        test(dir.path());
        Ok(Completion::Completed)
    })
}

/// Like `trial`, for a test that needs a network namespace. If the kernel allows none, there is
/// nothing to install, so the test is ignored even if CI is `true`.
#[cfg(target_os = "linux")]
fn secluded(name: &'static str, test: fn(&Path)) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(missing) =
            [&privacy::UNSHARE, &privacy::IP].into_iter().find(|program| !program.is_installed())
        {
            return without(name, missing);
        }
        if let Some(refusal) = privacy::refusal() {
            report_skipped(name, &refusal);
            return Ok(Completion::ignored_with(refusal));
        }
        let dir = tempfile::tempdir()?;
        test(dir.path());
        Ok(Completion::Completed)
    })
}

fn without(name: &str, program: &Program) -> Result<Completion, Failed> {
    let Program { command, package } = program;
    let reason = format!("{command} is not installed (apt-get install {package})");
    if in_ci() {
        return Err(reason.into());
    }
    report_skipped(name, &reason);
    Ok(Completion::ignored_with(reason))
}
