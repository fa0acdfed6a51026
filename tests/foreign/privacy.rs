//! Counts the packets that leave this machine: the tests run this program again in a network
//! namespace of its own, whose only interface to the outside leads nowhere.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use torrent_patron::metainfo::Protocol;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::settings::Proxy;
use torrent_patron::tracker::Tracker;
use torrent_patron::{AddOptions, Client, ClientBuilder, Event, Patron, Source};

use crate::process::Program;
use crate::support::{PATIENCE, Seeder, bencode, builder, data, finished, maker, poll};

pub(crate) const UNSHARE: Program = Program { command: "unshare", package: "util-linux" };
pub(crate) const IP: Program = Program { command: "ip", package: "iproute2" };

/// For the program in the namespace: the name of the scene, and its length in milliseconds.
const SCENE: &str = "PATRON_SCENE";
const WHILE: &str = "PATRON_WHILE";

/// External addresses, IPv4 and IPv6, have a route, and so has the name server. Nobody answers. The
/// interface has no IPv6 address of its own (its other end has), so that the kernel has nothing to
/// announce, and it knows its neighbours.
const WORLD: &str = r#"
    set -e
    echo 'nameserver 10.77.0.53
options timeout:1 attempts:1' > "$HOME/resolv.conf"
    echo 'hosts: files dns' > "$HOME/nsswitch.conf"
    mount --bind "$HOME/resolv.conf" /etc/resolv.conf
    echo '127.0.0.1 localhost
10.77.0.1 inside.example' > "$HOME/hosts"
    mount --bind "$HOME/hosts" /etc/hosts
    if [ -e /etc/nsswitch.conf ]; then mount --bind "$HOME/nsswitch.conf" /etc/nsswitch.conf; fi
    ip link set lo up
    ip link add out0 type veth peer name wire0
    for interface in out0 wire0; do
        ip link set "$interface" addrgenmode none
        ip link set "$interface" up
    done
    ip address add 10.77.0.1/24 dev out0
    ip address add 203.0.113.9/32 dev lo
    for neighbour in 10.77.0.2 10.77.0.53 fe80::2; do
        ip neighbour add "$neighbour" lladdr 02:00:00:00:00:02 dev out0
    done
    ip route add default via 10.77.0.2
    ip address add 2001:db8:77::1/64 dev wire0 nodad
    ip route add default via fe80::2 dev out0
    exec "$0"
"#;

/// Why no namespace can be created, if the kernel or its administrator forbids it.
pub(crate) fn refusal() -> Option<String> {
    let attempt = UNSHARE.command(Path::new("/")).args(NAMESPACES).arg("true").output().unwrap();
    let why = String::from_utf8_lossy(&attempt.stderr).trim().to_owned();
    (!attempt.status.success()).then(|| format!("no user namespaces here: {why}"))
}

const NAMESPACES: [&str; 4] = ["--user", "--map-root-user", "--net", "--mount"];

/// Runs a scene in a namespace of its own and returns what it printed.
fn scene(dir: &Path, scene: &str, lasts: Duration) -> String {
    let home = dir.join(scene.replace(' ', "-"));
    fs::create_dir(&home).unwrap();
    let output = UNSHARE
        .command(&home)
        .args(NAMESPACES)
        .args(["bash", "-c", WORLD])
        .arg(env::current_exe().unwrap())
        .env(SCENE, scene)
        .env(WHILE, lasts.as_millis().to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scene}: {}\n{said}{errors}", output.status);
    said
}

/// In the namespace: returns true if this run was for a scene, which has then been run.
pub(crate) fn played() -> bool {
    let Some(scene) = env::var_os(SCENE) else { return false };
    let scene = scene.into_string().unwrap();
    let dir = env::var_os("HOME").unwrap();
    let dir = Path::new(&dir);
    let lasts = env::var(WHILE).unwrap().parse().map(Duration::from_millis).unwrap();
    assert_eq!(sent(), 0, "the world is not quiet");
    match scene.split_once(' ') {
        Some(("cause", name)) => cause(dir, name),
        _ if scene == "offline" => offline(dir, lasts),
        _ if scene == "socks5" => behind_socks5(dir, lasts, false),
        _ if scene == "socks5 with UDP" => behind_socks5(dir, lasts, true),
        _ if scene == "http" => behind_http(dir, lasts),
        _ if scene == "redirects" => redirects(dir),
        _ => panic!("there is no scene {scene}"),
    }
    true
}

/// The number of packets that have left.
fn sent() -> u64 {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix("out0:")).unwrap();
    line.split_whitespace().nth(9).unwrap().parse().unwrap()
}

/// Everything that can make a client connect to the outside: settings, and the contents of a
/// torrent.
const CAUSES: &[Cause] = &[
    Cause { name: "peer", makes: Makes::Peer("203.0.113.1:6881") },
    Cause { name: "peer by IPv6", makes: Makes::Peer("[2001:db8::1]:6881") },
    Cause { name: "tracker", makes: Makes::Tracker("http://203.0.113.2:6969/announce") },
    Cause { name: "tracker by name", makes: Makes::Tracker("http://t1.example/announce") },
    Cause { name: "TLS tracker", makes: Makes::Tracker("https://203.0.113.3/announce") },
    Cause { name: "TLS tracker by name", makes: Makes::Tracker("https://t2.example/announce") },
    Cause { name: "UDP tracker", makes: Makes::Tracker("udp://203.0.113.4:6969/announce") },
    Cause { name: "UDP tracker by name", makes: Makes::Tracker("udp://t3.example:6969/announce") },
    Cause { name: "web seed", makes: Makes::WebSeed("http://203.0.113.5/never.bin") },
    Cause { name: "web seed by name", makes: Makes::WebSeed("http://w1.example/never.bin") },
    Cause { name: "node by name", makes: Makes::Node("n1.example") },
    Cause { name: "DHT", makes: Makes::Setting("enable_dht") },
    Cause { name: "LSD", makes: Makes::Setting("enable_lsd") },
    Cause { name: "UPnP", makes: Makes::Setting("enable_upnp") },
    Cause { name: "NAT-PMP", makes: Makes::Setting("enable_natpmp") },
];

struct Cause {
    name: &'static str,
    makes: Makes,
}

#[derive(Clone, Copy)]
enum Makes {
    Peer(&'static str),
    Tracker(&'static str),
    WebSeed(&'static str),
    Node(&'static str),
    Setting(&'static str),
}

/// An unrestricted client, and a torrent that nobody has.
fn start(client: ClientBuilder, dir: &Path, causes: &[Cause]) -> (Client, Patron) {
    let mut client = client.setting("announce_to_all_tiers", true);
    let switches = CAUSES.iter().filter_map(|cause| match cause.makes {
        Makes::Setting(name) => Some(name),
        _ => None,
    });
    let file = data(&dir.join("never"), "never.bin", 7, 100_000);
    let mut torrent = maker(&file, Protocol::V1);
    let mut options = AddOptions::default().save_dir(dir.join("downloads"));
    let (mut nodes, mut on) = (Vec::new(), BTreeSet::new());
    for (tier, cause) in (0..).zip(causes) {
        match cause.makes {
            Makes::Peer(peer) => options.peers.push(peer.parse().unwrap()),
            Makes::Tracker(url) => torrent = torrent.add_tracker(url, tier),
            Makes::WebSeed(url) => torrent = torrent.add_web_seed(url),
            Makes::Node(host) => {
                nodes.push(bencode::list([bencode::text(host), bencode::number(6881)]));
            }
            Makes::Setting(name) => {
                on.insert(name);
            }
        }
    }
    // Everything that is not among the causes is off; the causes are on by libtorrent's default.
    for switch in switches.filter(|switch| !on.contains(switch)) {
        client = client.setting(switch, false);
    }
    let mut torrent = torrent.start().unwrap().wait().unwrap().torrent_file().to_vec();
    torrent.pop();
    torrent.extend(bencode::text("nodes"));
    torrent.extend(bencode::list(nodes));
    torrent.push(b'e');

    let client = client.start().unwrap();
    let patron = client.patron();
    patron.add_torrent(Source::Bytes(torrent.into()), options).wait().unwrap();
    (client, patron)
}

/// libtorrent looks for a route by itself only if it listens on an unspecified address.
fn unbound() -> ClientBuilder {
    Client::builder().listen("0.0.0.0:6881,[::]:6881").tick_interval(Duration::from_millis(100))
}

/// The control: each cause sends packets if nothing restricts the client. Prints how long it took.
fn cause(dir: &Path, name: &str) {
    let cause = CAUSES.iter().find(|cause| cause.name == name).unwrap();
    let begun = Instant::now();
    let _client = start(unbound(), dir, std::slice::from_ref(cause));
    poll("packet", || if sent() > 0 { Ok(()) } else { Err("none was sent") });
    println!("{}", begun.elapsed().as_millis());
    std::process::exit(0);
}

/// How long to watch a client to conclude that it is silent: twice as long as the slowest cause
/// takes in an unrestricted client.
fn long_enough() -> Duration {
    static SLOWEST: OnceLock<Duration> = OnceLock::new();
    let slowest = SLOWEST.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let waits = CAUSES.iter().map(|cause| {
            let took = scene(dir.path(), &format!("cause {}", cause.name), Duration::ZERO);
            println!("{}: {} ms", cause.name, took.trim());
            took.trim().parse().map(Duration::from_millis).unwrap()
        });
        waits.max().unwrap()
    });
    *slowest * 2 + Duration::from_secs(1)
}

pub(crate) fn offline_sends_nothing(dir: &Path) {
    let lasts = long_enough();
    print!("{}", scene(dir, "offline", lasts));
}

/// One offline client seeds to another, and both would have reasons to connect elsewhere.
fn offline(dir: &Path, lasts: Duration) {
    let end = Instant::now() + lasts;
    let file = data(&dir.join("from"), "data.bin", 1, 1_000_000);
    let seeder = Seeder::of(&file);
    let to = dir.join("to");
    let (client, patron) = start(builder(&to), dir, CAUSES);
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    watch(&patron, end);
    stop(client);
    stop(seeder.client);
    assert_eq!(sent(), 0, "packets were sent");
}

pub(crate) fn a_torrent_reaches_nothing_on_the_local_network_by_a_redirect(dir: &Path) {
    print!("{}", scene(dir, "redirects", Duration::ZERO));
}

/// Trackers and web seeds with a public address redirect the client to a private one, and names resolve to
/// one. URLs that the program names may be there.
fn redirects(dir: &Path) {
    let inside = TcpListener::bind("10.77.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let to = inside.local_addr().unwrap();
    let udp = UdpSocket::bind("10.77.0.1:0").unwrap();
    udp.set_nonblocking(true).unwrap();
    let by_name = [
        format!("http://inside.example:{}/announce", to.port()),
        format!("udp://inside.example:{}/announce", udp.local_addr().unwrap().port()),
    ];
    let outside = TcpListener::bind("203.0.113.9:0").unwrap();
    let from = outside.local_addr().unwrap();
    let (told, asked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = outside.accept() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
            let location = format!("Location: http://{to}{path}");
            let answer = format!("HTTP/1.1 302 Found\r\n{location}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            let _ = told.send(path);
        }
    });
    let file = data(&dir.join("never"), "never.bin", 7, 100_000);
    let torrent = maker(&file, Protocol::V1)
        .add_tracker(format!("http://{from}/announce"), 0)
        .add_tracker(&*by_name[0], 1)
        .add_tracker(&*by_name[1], 2)
        .add_web_seed(format!("http://{from}/never.bin"));
    let mut torrent = torrent.start().unwrap().wait().unwrap().torrent_file().to_vec();
    torrent.pop();
    torrent.extend(bencode::text("httpseeds"));
    torrent.extend(bencode::list([bencode::text(format!("http://{from}/seed"))]));
    torrent.push(b'e');
    let source = Source::Bytes(torrent.into());
    let quiet = ["enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"];
    let client = Client::builder().listen("203.0.113.9:0").setting("announce_to_all_tiers", true);
    let client = quiet.iter().fold(client, |client, name| client.setting(*name, false));
    let client = client.start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().save_dir(dir.join("downloads"));
    let id = patron.add_torrent(source.clone(), options.clone()).wait().unwrap().id();
    let asked_for = |paths: &[&str]| {
        let mut wanted = BTreeSet::from_iter(paths.iter().copied());
        while !wanted.is_empty() {
            wanted.remove(&*asked.recv_timeout(PATIENCE).unwrap());
        }
    };
    asked_for(&["/announce", "/never.bin", "/seed"]);
    // By now the names are known.
    patron.scrape(id).wait().unwrap();
    asked_for(&["/scrape"]);
    let mut failed = BTreeSet::new();
    let mut tracker_errors = |patron: &Patron| {
        while let Some(event) = patron.try_recv() {
            if let Event::TrackerError { url, error, .. } = event {
                failed.insert(url.to_string());
                assert!(!error.message().contains("timed out"), "{error}");
            }
        }
        by_name.iter().all(|url| failed.contains(url))
    };
    poll("error of each tracker", || tracker_errors(&patron).then_some(()).ok_or("not yet"));
    watch(&patron, Instant::now() + Duration::from_secs(2));
    assert_eq!(inside.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(udp.recv(&mut [0; 100]).unwrap_err().kind(), io::ErrorKind::WouldBlock);

    // The control.
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    let named = options.add_trackers(by_name.iter().map(|url| Tracker::new(url, 0)));
    patron.add_torrent(source, named).wait().unwrap();
    poll("request", || inside.accept().map(drop));
    poll("packet", || udp.recv(&mut [0; 100]).map(drop));
    std::process::exit(0);
}

pub(crate) fn nothing_goes_past_a_proxy(dir: &Path) {
    let lasts = long_enough();
    for name in ["socks5", "socks5 with UDP", "http"] {
        print!("{}", scene(dir, name, lasts));
    }
}

fn behind_socks5(dir: &Path, lasts: Duration, udp: bool) {
    let proxy = Refuser::socks5(udp);
    let mut asked = vec![
        "203.0.113.1:6881",
        "203.0.113.2:6969",
        "t1.example:80",
        "203.0.113.3:443",
        "t2.example:443",
        "203.0.113.5:80",
        "w1.example:80",
    ];
    if udp {
        asked.extend(["UDP 203.0.113.4:6969", "UDP t3.example:6969", "UDP 203.0.113.1:6881"]);
    }
    behind(dir, Proxy::socks5(proxy.address.to_string()), &proxy, lasts, &asked);
}

fn behind_http(dir: &Path, lasts: Duration) {
    let proxy = Refuser::http();
    let asked = [
        "CONNECT 203.0.113.1:6881",
        "GET http://203.0.113.2:6969/announce",
        "GET http://t1.example/announce",
        "CONNECT 203.0.113.3:443",
        "GET http://203.0.113.5/never.bin",
    ];
    behind(dir, Proxy::http(proxy.address.to_string()), &proxy, lasts, &asked);
}

/// The proxy is asked for everything that can go through it (before libtorrent 2.0.9, IPv6 peers
/// cannot go through SOCKS5), and whatever it answers, nothing bypasses it.
fn behind(dir: &Path, through: Proxy, proxy: &Refuser, lasts: Duration, asked: &[&str]) {
    let end = Instant::now() + lasts;
    let settings = Client::builder().proxy(through.clone()).effective_settings().unwrap();
    let (client, patron) = start(unbound().proxy(through), &dir.join("behind"), CAUSES);
    poll("request for each", || {
        let requests = proxy.requests();
        match asked.iter().find(|wanted| !requests.contains(**wanted)) {
            Some(missing) => Err(format!("nobody asked for {missing}, but for {requests:#?}")),
            None => Ok(()),
        }
    });
    watch(&patron, end);
    stop(client);
    assert_eq!(sent(), 0, "packets were sent past the proxy");
    println!("{:#?}", proxy.requests());

    // The control: with libtorrent's own proxy settings, names are resolved directly.
    let names = ["proxy_type", "proxy_hostname", "proxy_port"];
    let plain = names.iter().fold(unbound(), |builder, name| {
        builder.setting(*name, settings.get(name).unwrap().clone())
    });
    let _client = start(plain, &dir.join("plain"), CAUSES);
    poll("packet past the proxy", || if sent() > 0 { Ok(()) } else { Err("none was sent") });
    std::process::exit(0);
}

/// Watches until the end, and requires that no packet is sent.
fn watch(patron: &Patron, end: Instant) {
    while Instant::now() < end {
        let _ = patron.recv_timeout(end.saturating_duration_since(Instant::now()));
        assert_eq!(sent(), 0, "packets were sent");
    }
}

fn stop(client: Client) {
    let report = client.shutdown(PATIENCE).wait();
    assert!(report.is_clean(), "{report:?}");
}

/// A proxy that refuses all connections and remembers what it was asked for.
struct Refuser {
    address: SocketAddr,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Refuser {
    fn socks5(udp: bool) -> Self {
        Self::start(move |stream, asked| serve_socks5(stream, asked, udp))
    }

    fn http() -> Self {
        Self::start(serve_http)
    }

    fn start<F>(serve: F) -> Self
    where
        F: Fn(TcpStream, &Mutex<BTreeSet<String>>) -> io::Result<()> + Clone + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::default());
        let shared = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, asked, stream) = (serve.clone(), Arc::clone(&shared), stream.unwrap());
                // The other end may close the connection at any time.
                thread::spawn(move || serve(stream, &asked));
            }
        });
        Self { address, asked }
    }

    fn requests(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// RFC 1928.
fn serve_socks5(
    mut stream: TcpStream,
    asked: &Mutex<BTreeSet<String>>,
    udp: bool,
) -> io::Result<()> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting)?;
    stream.read_exact(&mut vec![0; greeting[1].into()])?;
    stream.write_all(&[5, 0])?;
    let mut request = [0; 3];
    stream.read_exact(&mut request)?;
    let target = target(&mut stream)?;
    match request[1] {
        3 if udp => {
            let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = relay.local_addr()?.port().to_be_bytes();
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, port[0], port[1]])?;
            let mut packet = [0; 2048];
            loop {
                let size = relay.recv(&mut packet)?;
                let mut header = &packet[3..size];
                let target = self::target(&mut header)?;
                asked.lock().unwrap().insert(format!("UDP {target}"));
            }
        }
        3 => stream.write_all(&[5, 7, 0, 1, 0, 0, 0, 0, 0, 0]),
        _ => {
            asked.lock().unwrap().insert(target);
            stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0])
        }
    }
}

fn target(from: &mut impl Read) -> io::Result<String> {
    let mut bytes = |size: usize| {
        let mut bytes = vec![0; size];
        from.read_exact(&mut bytes).map(|()| bytes)
    };
    let host = match bytes(1)?[0] {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes(4)?).unwrap()).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(<[u8; 16]>::try_from(bytes(16)?).unwrap())),
        _ => {
            let size = bytes(1)?[0];
            String::from_utf8(bytes(size.into())?).unwrap()
        }
    };
    let port = bytes(2)?;
    Ok(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
}

/// Remembers the method and the target without its query.
fn serve_http(mut stream: TcpStream, asked: &Mutex<BTreeSet<String>>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line: Vec<_> = head.split([' ', '?']).take(2).collect();
    asked.lock().unwrap().insert(line.join(" "));
    stream.write_all(b"HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
}
