//! `seed --metrics`: what the clients count, for Prometheus. Each scrape asks them anew.

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
use torrent_patron::{Patron, Reply, Statistics};

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
    pub(crate) fn start(address: SocketAddr, patrons: Vec<Patron>) -> Result<Self> {
        let failed =
            |why: &dyn std::fmt::Display| format!("cannot serve metrics at {address}: {why}");
        let server = Arc::new(Server::http(address).map_err(|error| failed(&error))?);
        let address = server.server_addr().to_ip().ok_or_else(|| failed(&"it has no address"))?;
        let thread = std::thread::Builder::new().name("metrics".into()).spawn({
            let server = server.clone();
            move || serve(&server, &registry(patrons))
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

type Answer = Response<Cursor<Vec<u8>>>;

fn scrape(registry: &Registry) -> Answer {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => answer(200, text, CONTENT_TYPE),
        Err(_) => answer(503, "the client has stopped\n".into(), "text/plain"),
    }
}

fn answer(status: u16, text: String, kind: &str) -> Answer {
    let header = Header::from_bytes("Content-Type", kind);
    let response = Response::from_string(text).with_status_code(status);
    match header {
        Ok(header) => response.with_header(header),
        Err(()) => response,
    }
}

fn registry(patrons: Vec<Patron>) -> Registry {
    let mut registry = Registry::default();
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("torrent_patron_build", "Which torrent-patron this is", build);
    registry.register_collector(Box::new(OfClients(patrons)));
    registry
}

#[derive(Debug)]
struct OfClients(Vec<Patron>);

impl Collector for OfClients {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let replies: Vec<_> = self.0.iter().map(Patron::statistics).collect();
        let answer = |mut reply: Reply<Statistics>| {
            let answer = reply.wait_timeout(ANSWER_WITHIN).and_then(|answer| answer);
            answer.map_err(|_| std::fmt::Error)
        };
        let clients: Vec<_> = replies.into_iter().map(answer).collect::<Result<_, _>>()?;
        let mut page = Page { encoder, clients };
        page.counters()?;
        page.gauges()?;
        page.reads()?;
        page.of_libtorrent()
    }
}

type Encoded = Result<(), std::fmt::Error>;
type Figure = fn(&Statistics) -> u64;

/// What is encoded, each figure for each client.
struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
    clients: Vec<Statistics>,
}

impl Page<'_> {
    /// The encoder adds `_total`.
    fn counters(&mut self) -> Encoded {
        let figures: [(&str, &str, Figure); 10] = [
            ("sent_bytes", "Sent, protocol included", |all| all.sent),
            ("sent_payload_bytes", "Sent of the torrents' data", |all| all.sent_payload),
            ("received_bytes", "Received, protocol included", |all| all.received),
            ("received_payload_bytes", "Received of the torrents' data", |all| {
                all.received_payload
            }),
            ("incoming_connections", "Connections that peers made", |all| all.incoming_connections),
            ("block_requests", "Blocks that peers asked for", |all| all.block_requests),
            ("block_rejects", "Requests that were refused", |all| all.block_rejects),
            ("blocks_written", "Blocks written to disk", |all| all.blocks_written),
            ("blocks_hashed", "Blocks hashed", |all| all.blocks_hashed),
            ("read_failures", "Reads that stopped their torrent", |all| all.reads.failed),
        ];
        for (name, help, figure) in figures {
            self.family(&ours(name), help, Kind::Counter, &[(None, figure)])?;
        }
        Ok(())
    }

    fn gauges(&mut self) -> Encoded {
        let figures: [(&str, &str, Figure); 7] = [
            ("peers", "Connected peers", |all| all.peers),
            ("peers_half_open", "Connections being made", |all| all.peers_half_open),
            ("peers_unchoked", "Peers that may ask for blocks", |all| all.peers_unchoked),
            ("queued_write_bytes", "Waiting to be written", |all| all.queued_write_bytes),
            ("dht_nodes", "Nodes in the DHT's routing table", |all| all.dht_nodes),
            ("open_files", "Files the read path has open", |all| all.reads.open_files),
            ("mappings", "Files the read path has mapped", |all| all.reads.mappings),
        ];
        for (name, help, figure) in figures {
            self.family(&ours(name), help, Kind::Gauge, &[(None, figure)])?;
        }
        let states: [(_, Figure); 5] = [
            (Some(("state", "seeding")), |all| all.torrents_seeding),
            (Some(("state", "downloading")), |all| all.torrents_downloading),
            (Some(("state", "checking")), |all| all.torrents_checking),
            (Some(("state", "paused")), |all| all.torrents_paused),
            (Some(("state", "failed")), |all| all.torrents_failed),
        ];
        self.family(&ours("torrents"), "Torrents by what they do", Kind::Gauge, &states)
    }

    /// How the blocks that peers asked for were read.
    fn reads(&mut self) -> Encoded {
        let blocks: [(_, Figure); 4] = [
            (Some(("way", "mapped")), |all| all.reads.mapped_blocks),
            (Some(("way", "copied")), |all| all.reads.copied_blocks),
            (Some(("way", "cold")), |all| all.reads.cold_blocks),
            (Some(("way", "stock")), |all| all.reads.stock_blocks()),
        ];
        let help = "Blocks read for peers, by the way";
        self.family(&ours("read_blocks"), help, Kind::Counter, &blocks)?;
        let bytes: [(_, Figure); 3] = [
            (Some(("way", "mapped")), |all| all.reads.mapped_bytes),
            (Some(("way", "copied")), |all| all.reads.copied_bytes),
            (Some(("way", "cold")), |all| all.reads.cold_bytes),
        ];
        let help = "Bytes read for peers, by the way";
        self.family(&ours("read_bytes"), help, Kind::Counter, &bytes)?;
        let reasons: [(_, Figure); 6] = [
            (Some(("reason", "writing")), |all| all.reads.stock_writing),
            (Some(("reason", "partial")), |all| all.reads.stock_partial),
            (Some(("reason", "scattered")), |all| all.reads.stock_scattered),
            (Some(("reason", "descriptors")), |all| all.reads.stock_descriptors),
            (Some(("reason", "unusable")), |all| all.reads.stock_unusable),
            (Some(("reason", "other")), |all| all.reads.stock_other),
        ];
        let help = "Blocks left to libtorrent, by reason";
        self.family(&ours("stock_blocks"), help, Kind::Counter, &reasons)
    }

    /// All else that libtorrent counts, under its own names.
    fn of_libtorrent(&mut self) -> Encoded {
        let Some(first) = self.clients.first() else { return Ok(()) };
        let known: Vec<_> =
            first.counters().filter(|known| !known.name.starts_with("reads.")).collect();
        for known in known {
            let name = format!("libtorrent_{}", known.name.replace('.', "_"));
            let help = format!("libtorrent's {}", known.name);
            let kind = if known.gauge { Kind::Gauge } else { Kind::Counter };
            let value = |all: &Statistics, _| all.counter(known.name).unwrap_or(0);
            self.samples(&name, &help, kind, &[None], value)?;
        }
        Ok(())
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
        figures: &[(Option<Label>, Figure)],
    ) -> Encoded {
        let labels: Vec<_> = figures.iter().map(|(label, _)| *label).collect();
        let value = |all: &Statistics, index: usize| {
            let (_, figure) = figures[index];
            i64::try_from(figure(all)).unwrap_or(i64::MAX)
        };
        self.samples(name, help, kind, &labels, value)
    }

    /// One for each client and label.
    fn samples(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
        labels: &[Option<Label>],
        value: impl Fn(&Statistics, usize) -> i64,
    ) -> Encoded {
        let metric = match kind {
            Kind::Counter => ConstCounter::new(0_u64).metric_type(),
            Kind::Gauge => ConstGauge::new(0_i64).metric_type(),
        };
        let mut family = self.encoder.encode_descriptor(name, help, None, metric)?;
        for (client, statistics) in (1..).zip(&self.clients) {
            let client = client.to_string();
            for (index, label) in labels.iter().enumerate() {
                let labels: Vec<_> =
                    [("client", client.as_str())].into_iter().chain(*label).collect();
                let sample = family.encode_family(&labels)?;
                let value = value(statistics, index);
                match kind {
                    Kind::Counter => {
                        ConstCounter::new(value.max(0).unsigned_abs()).encode(sample)?
                    }
                    Kind::Gauge => ConstGauge::new(value).encode(sample)?,
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

type Label = (&'static str, &'static str);

fn ours(name: &str) -> String {
    format!("torrent_patron_{name}")
}
