//! Players that are too large to be expected on every machine: `make players` installs and runs them. The
//! film arrives so slowly that a player seeks to parts that are still missing.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::program::Program;
use crate::stream::{missing, slow, stream};
use crate::support::PATIENCE;

/// The upload limit of the seeder in bytes per second. The film has about 8 MB.
const RATE: u32 = 600_000;

/// Encodes a minute of noise.
fn video(directory: &Path) -> PathBuf {
    let path = directory.join("from/film.webm");
    fs::create_dir(directory.join("from")).unwrap();
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10,noise=alls=40"])
        .args(["-t", "60", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"])
        .args(["-b:v", "1M", "-minrate", "1M", "-g", "10"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    assert!(fs::metadata(&path).unwrap().len() > 4_000_000);
    path
}

#[test]
#[ignore = "mpv is large: make players"]
fn mpv_plays_and_seeks() {
    let dir = tempfile::tempdir().unwrap();
    let video = video(dir.path());
    let film = slow(dir.path(), &video, RATE);
    let (program, url) = stream(dir.path(), &film, &[]);
    let frame = |from: &str, at: &str| {
        let shots = tempfile::tempdir().unwrap();
        let output = Command::new("mpv")
            .args(["--no-config", "--really-quiet", "--ao=null", "--vo=image", "--frames=1"])
            .args(["--vo-image-format=png", &format!("--start={at}")])
            .arg(format!("--vo-image-outdir={}", shots.path().display()))
            .arg(from)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read(shots.path().join("00000001.png")).unwrap()
    };
    for at in ["50", "5", "30.5"] {
        let left = missing(dir.path(), &video);
        assert!(left > 0 || at != "50", "mpv waits for nothing");
        assert!(frame(&url, at) == frame(video.to_str().unwrap(), at), "the frame at {at} s");
        println!("mpv showed the frame at {at} s; {left} bytes were missing when it began");
    }
    drop(program);
}

/// Kills the browser, which must not outlive the test.
struct Chromium(Child);

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PAGE: &str = "<video id=v muted></video><script>
const say = text => fetch('/said/' + text);
const at = [50, 5, 30];
v.onerror = () => say('error ' + v.error.message);
v.onloadedmetadata = () => { say('metadata'); v.currentTime = at[0]; };
v.onseeked = () => v.play();
v.ontimeupdate = () => {
    if (at.length && v.currentTime > at[0] + 0.5 && v.currentTime < at[0] + 5) {
        say('played ' + at.shift());
        if (at.length) v.currentTime = at[0]; else say('end');
    }
};
v.src = 'URL';
</script>";

/// The path of a request, which is answered with the page. The script in the page reports by further
/// requests.
fn asked(stream: TcpStream, page: &str) -> String {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let length = page.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
    let mut stream = stream;
    let _ = write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{page}");
    first.split(' ').nth(1).unwrap_or_default().replace("%20", " ")
}

#[test]
#[ignore = "chromium is large: make players"]
fn chromium_plays_and_seeks() {
    let dir = tempfile::tempdir().unwrap();
    let video = video(dir.path());
    let film = slow(dir.path(), &video, RATE);
    let (program, url): (Program, _) = stream(dir.path(), &film, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = PAGE.replace("URL", &url);
    let browser = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg("--autoplay-policy=no-user-gesture-required")
        .arg(format!("--user-data-dir={}", dir.path().join("profile").display()))
        .arg(format!("http://{}/", listener.local_addr().unwrap()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let browser = Chromium(browser.unwrap());
    let (mut said, begun) = (Vec::new(), Instant::now());
    while said.last().is_none_or(|last| last != "end") {
        assert!(begun.elapsed() < PATIENCE, "{said:?}");
        let (stream, _) = listener.accept().unwrap();
        if let Some(text) = asked(stream, &page).strip_prefix("/said/") {
            let left = missing(dir.path(), &video);
            println!("chromium: {text}; {left} bytes are missing");
            assert!(left > 0 || text != "metadata", "chromium waits for nothing");
            assert!(!text.starts_with("error"), "{text}");
            said.push(text.to_owned());
        }
    }
    assert_eq!(said, ["metadata", "played 50", "played 5", "played 30", "end"]);
    drop((browser, program));
}
