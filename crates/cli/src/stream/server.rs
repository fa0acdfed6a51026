//! Serves the files of a torrent over HTTP.

use std::convert::Infallible;
use std::io::{self, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HOST, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncBufRead;
use tokio::net::TcpStream;
use torrent_patron::error::ErrorKind;
use torrent_patron::file::FileStatus;
use torrent_patron::patron::{Reader, ReaderOptions};
use torrent_patron::{Patron, TorrentId};

use super::range::{Wanted, wanted};
use crate::http::{HTML, Server, linger, plain, refusal, response};

/// The maximum number of open connections. Another connection closes the oldest.
const CONNECTIONS: usize = 64;

/// The maximum size of the request line and headers together, in bytes; how long they may take to arrive, and
/// how long a connection may be idle.
const LONGEST_HEAD: usize = 16 << 10;
const HEAD_WITHIN: Duration = Duration::from_secs(60);

/// The maximum size of one write to the socket, in bytes.
const FRAME: usize = 256 << 10;

/// The characters that are not escaped in the path of a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A torrent whose files are served.
pub(super) struct Site {
    pub(super) patron: Patron,
    pub(super) torrent: TorrentId,
    pub(super) name: String,
    /// An info hash, which identifies the contents of the files.
    pub(super) hash: String,
    pub(super) files: Vec<FileStatus>,
}

impl Site {
    pub(super) fn serve(self, address: SocketAddr) -> io::Result<Server> {
        let site = Arc::new(self);
        let serve = move |stream| serve(stream, site.clone());
        Server::start("stream", address, CONNECTIONS, serve)
    }

    /// Returns the path of a file in its URL. It ends with the name, which players show.
    pub(super) fn path(&self, index: usize) -> String {
        let name = self.files.get(index).and_then(|file| file.path.file_name()).unwrap_or_default();
        format!("/{index}/{}", utf8_percent_encode(&name.to_string_lossy(), PLAIN))
    }

    fn etag(&self, index: usize) -> String {
        format!("\"{}-{index}\"", self.hash)
    }

    fn page(&self) -> String {
        let name = escaped(&self.name);
        let mut page = format!("<!DOCTYPE html><title>{name}</title><h1>{name}</h1><ul>");
        for (index, file) in self.files.iter().enumerate().filter(|(_, file)| !file.pad) {
            let (link, path) = (self.path(index), file.path.to_string_lossy());
            let size = bytesize::ByteSize(file.size);
            page += &format!("<li><a href=\"{link}\">{}</a> {size}", escaped(&path));
        }
        page + "</ul>\n"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Handles the requests of a connection. When the client disconnects, its reader is closed.
async fn serve(mut stream: TcpStream, site: Arc<Site>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(respond(&request, &site).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    server.max_buf_size(LONGEST_HEAD);
    let _ = server.serve_connection(TokioIo::new(&mut stream), service).await;
    linger(stream).await;
}

async fn respond(request: &Request<Incoming>, site: &Site) -> Response<Content> {
    if let Some(refused) = refusal(request) {
        return refused;
    }
    if header(request.headers(), &HOST).is_some_and(is_public_name) {
        return plain(StatusCode::MISDIRECTED_REQUEST, "use the IP address instead of a host name");
    }
    let path = request.uri().path();
    if path == "/" {
        return response(StatusCode::OK, HTML, site.page());
    }
    // The part after the index is only for readability.
    let first = path.trim_start_matches('/').split('/').next();
    let index = first.and_then(|first| first.parse::<usize>().ok());
    match index.filter(|index| site.files.get(*index).is_some_and(|file| !file.pad)) {
        Some(index) => file(request, site, index).await,
        None => plain(StatusCode::NOT_FOUND, "the files are listed at /"),
    }
}

/// Returns whether the host is a public DNS name, which an attacker could point at this address: a page from there
/// could then read the files (DNS rebinding).
fn is_public_name(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host).trim_end_matches('.');
    let is_address = host.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
    let is_local = name.ends_with(".local") || name.ends_with(".localhost");
    name.contains('.') && !is_address && !is_local
}

async fn file(request: &Request<Incoming>, site: &Site, index: usize) -> Response<Content> {
    let (size, etag) = (site.files[index].size, site.etag(index));
    let condition = |name: HeaderName| header(request.headers(), &name);
    let mut response = Response::new(Content::Nothing);
    if condition(IF_MATCH).is_some_and(|tags| !has_tag(tags, &etag)) {
        return plain(StatusCode::PRECONDITION_FAILED, "the entity tag does not match");
    }
    if condition(IF_NONE_MATCH).is_some_and(|tags| has_tag(&tags.replace("W/", ""), &etag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        set(&mut response, ETAG, &etag);
        return response;
    }
    // A part of another version is useless, so in that case the whole file is sent.
    let may_be_part = !request.headers().contains_key(IF_RANGE)
        || condition(IF_RANGE).is_some_and(|tag| tag == etag);
    let range = match header(request.headers(), &RANGE).filter(|_| may_be_part) {
        Some(header) => wanted(header, size),
        None => Wanted::All,
    };
    let range = match range {
        Wanted::Unsatisfiable => {
            let why = "no such range";
            let mut refused = plain(StatusCode::RANGE_NOT_SATISFIABLE, why);
            set(&mut refused, CONTENT_RANGE, &format!("bytes */{size}"));
            return refused;
        }
        Wanted::All => 0..size,
        Wanted::Part(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let (first, last) = (range.start, range.end - 1);
            set(&mut response, CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"));
            range
        }
    };
    let length = range.end - range.start;
    let kind = mime_guess::from_path(&site.files[index].path).first_or_octet_stream();
    set(&mut response, CONTENT_TYPE, kind.essence_str());
    set(&mut response, CONTENT_LENGTH, &length.to_string());
    set(&mut response, ETAG, &etag);
    set(&mut response, ACCEPT_RANGES, "bytes");
    // A stranger made the file. In a browser, it must not act as a page of this server.
    set(&mut response, CONTENT_SECURITY_POLICY, "script-src 'none'");
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    if *request.method() == Method::GET && length > 0 {
        let options = ReaderOptions::default().ends_first(true);
        let opened = site.patron.reader_with(site.torrent, index as u32, options).await;
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) => return failed(&error),
        };
        if let Err(error) = reader.seek(SeekFrom::Start(range.start)) {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string());
        }
        *response.body_mut() = Content::File(Box::new(reader), length);
    }
    response
}

/// Returns whether a list of entity tags (RFC 9110, section 13.1) has this one.
fn has_tag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
}

fn failed(error: &torrent_patron::Error) -> Response<Content> {
    let status = match error.kind() {
        ErrorKind::NotFound | ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    plain(status, &error.to_string())
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn set(response: &mut Response<Content>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The body of a response. It is read only as fast as the socket accepts it.
enum Content {
    Nothing,
    Text(Bytes),
    /// This many bytes from the reader's position.
    File(Box<Reader>, u64),
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let frame = match this {
            Self::Nothing => return Poll::Ready(None),
            Self::Text(text) => std::mem::take(text),
            Self::File(reader, left) => {
                let here = ready!(Pin::new(&mut **reader).poll_fill_buf(context))?;
                let length = here.len().min(FRAME).min(usize::try_from(*left).unwrap_or(FRAME));
                let frame = Bytes::copy_from_slice(&here[..length]);
                io::BufRead::consume(&mut **reader, length);
                *left -= length as u64;
                if *left > 0 && length > 0 {
                    return Poll::Ready(Some(Ok(Frame::data(frame))));
                }
                frame
            }
        };
        // Close the reader before the client makes another request.
        *this = Self::Nothing;
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Nothing => 0,
            Self::Text(text) => text.len() as u64,
            Self::File(_, left) => *left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_entity_tags_has_each_of_them() {
        for tags in ["\"a\"", "*", " \"b\" , \"a\"", "\"b\",\"a\",W/\"c\""] {
            assert!(has_tag(tags, "\"a\""), "{tags}");
        }
        for tags in ["", "a", "\"b\"", "W/\"a\"", "\"a\"b"] {
            assert!(!has_tag(tags, "\"a\""), "{tags}");
        }
    }

    #[test]
    fn only_names_that_anybody_can_register_are_refused() {
        for host in
            ["127.0.0.1", "127.0.0.1:80", "[::1]:80", "localhost:1", "nas", "nas.local:8080"]
        {
            assert!(!is_public_name(host), "{host}");
        }
        for host in ["rebind.example", "rebind.example.:80", "127.0.0.1.rebind.example", "1.2.3"] {
            assert!(is_public_name(host), "{host}");
        }
    }
}
