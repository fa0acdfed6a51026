//! `seed --metrics`: what the client counts, for Prometheus. Each scrape asks the client anew.

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tiny_http::{Header, Method, Response, Server};
use torrent_patron::{Patron, Statistics};

use crate::Result;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Well below the 10 s after which Prometheus gives up.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A web server on a thread of its own; dropping it ends both.
pub(crate) struct Exporter {
    server: Arc<Server>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    pub(crate) fn start(address: SocketAddr, patron: Patron) -> Result<Self> {
        let failed =
            |why: &dyn std::fmt::Display| format!("cannot serve metrics at {address}: {why}");
        let server = Arc::new(Server::http(address).map_err(|error| failed(&error))?);
        let address = server.server_addr().to_ip().ok_or_else(|| failed(&"it has no address"))?;
        let thread = std::thread::Builder::new().name("metrics".into()).spawn({
            let server = server.clone();
            move || serve(&server, &registry(patron))
        });
        let thread = Some(thread.map_err(|error| failed(&error))?);
        Ok(Self { server, address, thread })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(server: &Server, registry: &Registry) {
    for request in server.incoming_requests() {
        let response = match (request.method(), request.url()) {
            (Method::Get | Method::Head, "/metrics") => scrape(registry),
            _ => answer(404, "the metrics are at /metrics\n".into(), "text/plain"),
        };
        // Whoever asked may be gone.
        let _ = request.respond(response);
    }
}

type Page = Response<Cursor<Vec<u8>>>;

fn scrape(registry: &Registry) -> Page {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => answer(200, text, CONTENT_TYPE),
        Err(_) => answer(503, "the client has stopped\n".into(), "text/plain"),
    }
}

fn answer(status: u16, text: String, kind: &str) -> Page {
    let header = Header::from_bytes("Content-Type", kind);
    let response = Response::from_string(text).with_status_code(status);
    match header {
        Ok(header) => response.with_header(header),
        Err(()) => response,
    }
}

fn registry(patron: Patron) -> Registry {
    let mut registry = Registry::default();
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("torrent_patron_build", "Which torrent-patron this is", build);
    registry.register_collector(Box::new(OfClient(patron)));
    registry
}

#[derive(Debug)]
struct OfClient(Patron);

impl Collector for OfClient {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let answer = self.0.statistics().wait_timeout(ANSWER_WITHIN).and_then(|answer| answer);
        let statistics = answer.map_err(|_| std::fmt::Error)?;
        counters(&statistics, &mut encoder)?;
        gauges(&statistics, &mut encoder)?;
        reads(&statistics, &mut encoder)?;
        of_libtorrent(&statistics, &mut encoder)
    }
}

type Encoded = Result<(), std::fmt::Error>;

/// The encoder adds `_total`.
fn counters(statistics: &Statistics, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    for (name, help, value) in [
        ("sent_bytes", "Sent, protocol included", statistics.sent),
        ("sent_payload_bytes", "Sent of the torrents' data", statistics.sent_payload),
        ("received_bytes", "Received, protocol included", statistics.received),
        ("received_payload_bytes", "Received of the torrents' data", statistics.received_payload),
        ("incoming_connections", "Connections that peers made", statistics.incoming_connections),
        ("block_requests", "Blocks that peers asked for", statistics.block_requests),
        ("block_rejects", "Requests that were refused", statistics.block_rejects),
        ("blocks_written", "Blocks written to disk", statistics.blocks_written),
        ("blocks_hashed", "Blocks hashed", statistics.blocks_hashed),
        ("read_failures", "Reads that stopped their torrent", statistics.reads.failed),
    ] {
        counter(encoder, &format!("torrent_patron_{name}"), help, value)?;
    }
    Ok(())
}

fn gauges(statistics: &Statistics, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    for (name, help, value) in [
        ("peers", "Connected peers", statistics.peers),
        ("peers_half_open", "Connections being made", statistics.peers_half_open),
        ("peers_unchoked", "Peers that may ask for blocks", statistics.peers_unchoked),
        ("queued_write_bytes", "Waiting to be written", statistics.queued_write_bytes),
        ("dht_nodes", "Nodes in the DHT's routing table", statistics.dht_nodes),
        ("open_files", "Files the read path has open", statistics.reads.open_files),
        ("mappings", "Files the read path has mapped", statistics.reads.mappings),
    ] {
        gauge(encoder, &format!("torrent_patron_{name}"), help, signed(value))?;
    }
    let states = [
        ("seeding", statistics.torrents_seeding),
        ("downloading", statistics.torrents_downloading),
        ("checking", statistics.torrents_checking),
        ("paused", statistics.torrents_paused),
        ("failed", statistics.torrents_failed),
    ];
    let first = ConstGauge::new(0_i64);
    let mut family = encoder.encode_descriptor(
        "torrent_patron_torrents",
        "Torrents by what they do",
        None,
        first.metric_type(),
    )?;
    for (state, value) in states {
        let torrents = ConstGauge::new(signed(value));
        torrents.encode(family.encode_family(&[("state", state)])?)?;
    }
    Ok(())
}

/// How the blocks that peers asked for were read.
fn reads(statistics: &Statistics, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let reads = &statistics.reads;
    let blocks = [
        ("mapped", reads.mapped_blocks),
        ("copied", reads.copied_blocks),
        ("cold", reads.cold_blocks),
        ("stock", reads.stock_blocks()),
    ];
    family(encoder, "read_blocks", "Blocks read for peers, by the way", "way", &blocks)?;
    let bytes = [
        ("mapped", reads.mapped_bytes),
        ("copied", reads.copied_bytes),
        ("cold", reads.cold_bytes),
    ];
    family(encoder, "read_bytes", "Bytes read for peers, by the way", "way", &bytes)?;
    let reasons = [
        ("writing", reads.stock_writing),
        ("partial", reads.stock_partial),
        ("scattered", reads.stock_scattered),
        ("descriptors", reads.stock_descriptors),
        ("unusable", reads.stock_unusable),
        ("other", reads.stock_other),
    ];
    family(encoder, "stock_blocks", "Blocks left to libtorrent, by reason", "reason", &reasons)
}

/// All else that libtorrent counts, under its own names.
fn of_libtorrent(statistics: &Statistics, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    for known in statistics.counters() {
        if known.name.starts_with("reads.") {
            continue;
        }
        let name = format!("libtorrent_{}", known.name.replace('.', "_"));
        let help = format!("libtorrent's {}", known.name);
        match u64::try_from(known.value) {
            Ok(value) if !known.gauge => counter(encoder, &name, &help, value)?,
            _ => gauge(encoder, &name, &help, known.value)?,
        }
    }
    Ok(())
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    let counter = ConstCounter::new(value);
    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> Encoded {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    values: &[(&str, u64)],
) -> Encoded {
    let name = format!("torrent_patron_{name}");
    let first = ConstCounter::new(0_u64);
    let mut family = encoder.encode_descriptor(&name, help, None, first.metric_type())?;
    for &(of, value) in values {
        ConstCounter::new(value).encode(family.encode_family(&[(label, of)])?)?;
    }
    Ok(())
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
