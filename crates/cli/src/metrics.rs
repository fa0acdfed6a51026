//! `seed --metrics`: a Prometheus endpoint. Each scrape asks the client for its statistics.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::net::TcpStream;
use tokio::time::timeout;
use torrent_patron::Patron;
use torrent_patron::statistics::Statistics;

use crate::Result;
use crate::http::{HTML, Server, linger, plain, refusal, response};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const INDEX: &str =
    "<!DOCTYPE html><title>torrent-patron</title><a href=\"/metrics\">Metrics</a>\n";

/// The maximum number of open connections. Another connection closes the oldest, so that idle clients do not
/// lock others out.
const CONNECTIONS: usize = 16;

/// The maximum lifetime of a connection, which has one request and its response.
const LIFETIME: Duration = Duration::from_secs(10);

/// How long a request waits for the statistics.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The maximum size of the request line and headers together, in bytes.
const LONGEST_HEAD: usize = 8192;

/// The endpoint. Dropping it ends it.
pub(crate) struct Exporter(Server);

impl Exporter {
    pub(crate) fn start(address: SocketAddr, patron: Patron) -> Result<Self> {
        let limited = move |stream| timeout(LIFETIME, serve(stream, patron.clone()));
        Server::start("metrics", address, CONNECTIONS, limited)
            .map(Self)
            .map_err(|error| format!("cannot serve metrics at {address}: {error}").into())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.0.address())
    }
}

/// Handles one request.
async fn serve(mut stream: TcpStream, patron: Patron) {
    let service = service_fn(|request| {
        let patron = patron.clone();
        async move { Ok::<_, Infallible>(respond(request, &patron).await) }
    });
    let mut server = http1::Builder::new();
    server.keep_alive(false).max_buf_size(LONGEST_HEAD);
    // If there was an error, the client has received a response that describes it, or is gone.
    let _ = server.serve_connection(TokioIo::new(&mut stream), service).await;
    linger(stream).await;
}

async fn respond(request: Request<Incoming>, patron: &Patron) -> Response<String> {
    if let Some(refused) = refusal(&request) {
        return refused;
    }
    match request.uri().path() {
        "/metrics" => scrape(patron).await,
        "/" => response(StatusCode::OK, HTML, INDEX.into()),
        _ => plain(StatusCode::NOT_FOUND, "the metrics are at /metrics"),
    }
}

async fn scrape(patron: &Patron) -> Response<String> {
    let unavailable = |why: &str| plain(StatusCode::SERVICE_UNAVAILABLE, why);
    let statistics = match timeout(ANSWER_WITHIN, patron.statistics()).await {
        Ok(Ok(statistics)) => statistics,
        Ok(Err(error)) => return unavailable(&error.to_string()),
        Err(_) => return unavailable("the client is busy"),
    };
    let mut text = String::new();
    match encode(&mut text, &registry(statistics)) {
        Ok(()) => response(StatusCode::OK, OPEN_METRICS, text),
        Err(error) => unavailable(&error.to_string()),
    }
}

fn registry(statistics: Statistics) -> Registry {
    let mut registry = Registry::default();
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("torrent_patron_build", "Version of torrent-patron", build);
    registry.register_collector(Box::new(Collected(statistics)));
    registry
}

#[derive(Debug)]
struct Collected(Statistics);

impl Collector for Collected {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Encoded {
        let mut page = Page { encoder, threads: self.0.by_network_thread() };
        page.counters()?;
        page.gauges()?;
        page.reads()?;
        page.of_libtorrent()
    }
}

type Encoded = Result<(), std::fmt::Error>;
type Figure = fn(&Statistics) -> u64;

/// The page being encoded. It has each figure for each network thread; Prometheus sums them.
struct Page<'a, 'b> {
    encoder: DescriptorEncoder<'a>,
    threads: &'b [Statistics],
}

impl Page<'_, '_> {
    /// The encoder adds `_total`.
    fn counters(&mut self) -> Encoded {
        let figures: [(&str, &str, Figure); 10] = [
            ("sent_bytes", "Bytes sent, including protocol overhead", |all| all.sent),
            ("sent_payload_bytes", "Payload bytes sent", |all| all.sent_payload),
            ("received_bytes", "Bytes received, including protocol overhead", |all| all.received),
            ("received_payload_bytes", "Payload bytes received", |all| all.received_payload),
            ("incoming_connections", "Incoming connections", |all| all.incoming_connections),
            ("block_requests", "Blocks requested by peers", |all| all.block_requests),
            ("block_rejects", "Block requests rejected", |all| all.block_rejects),
            ("blocks_written", "Blocks written to disk", |all| all.blocks_written),
            ("blocks_hashed", "Blocks hashed", |all| all.blocks_hashed),
            ("read_failures", "Failed reads, each of which stopped its torrent", |all| {
                all.reads.failed
            }),
        ];
        for (name, help, figure) in figures {
            self.family(&ours(name), help, Kind::Counter, &[(None, figure)])?;
        }
        Ok(())
    }

    fn gauges(&mut self) -> Encoded {
        let figures: [(&str, &str, Figure); 7] = [
            ("peers", "Connected peers", |all| all.peers),
            ("peers_half_open", "Half-open outgoing connections", |all| all.peers_half_open),
            ("peers_unchoked", "Unchoked peers", |all| all.peers_unchoked),
            ("queued_write_bytes", "Bytes waiting to be written to disk", |all| {
                all.queued_write_bytes
            }),
            ("dht_nodes", "Nodes in the DHT routing table", |all| all.dht_nodes),
            ("open_files", "Files held open by the read path", |all| all.reads.open_files),
            ("mappings", "Files mapped by the read path", |all| all.reads.mappings),
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
        self.family(&ours("torrents"), "Torrents by state", Kind::Gauge, &states)
    }

    /// Counters of how the blocks requested by peers were read.
    fn reads(&mut self) -> Encoded {
        let blocks: [(_, Figure); 4] = [
            (Some(("way", "mapped")), |all| all.reads.mapped_blocks),
            (Some(("way", "copied")), |all| all.reads.copied_blocks),
            (Some(("way", "cold")), |all| all.reads.cold_blocks),
            (Some(("way", "stock")), |all| all.reads.stock_blocks()),
        ];
        let help = "Blocks read for peers, by read path";
        self.family(&ours("read_blocks"), help, Kind::Counter, &blocks)?;
        let bytes: [(_, Figure); 3] = [
            (Some(("way", "mapped")), |all| all.reads.mapped_bytes),
            (Some(("way", "copied")), |all| all.reads.copied_bytes),
            (Some(("way", "cold")), |all| all.reads.cold_bytes),
        ];
        let help = "Bytes read for peers, by read path";
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

    /// All other counters of libtorrent, under its own names.
    fn of_libtorrent(&mut self) -> Encoded {
        let Some(first) = self.threads.first() else { return Ok(()) };
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

    /// One sample for each thread and label.
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
        for (thread, statistics) in (1..).zip(self.threads) {
            let thread = thread.to_string();
            for (index, label) in labels.iter().enumerate() {
                let labels: Vec<_> =
                    [("network_thread", thread.as_str())].into_iter().chain(*label).collect();
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
