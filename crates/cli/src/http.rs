//! A web server on a separate thread.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The pause after a failed accept. Without descriptors, the next one would also fail at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// How long a client may continue to send after its last response.
const LINGER: Duration = Duration::from_secs(10);

/// Dropping it ends the server and the thread.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that handles each connection in a separate task, and at most `connections` at once.
    pub(crate) fn start<F: Future<Output: Send> + Send + 'static>(
        name: &str,
        address: SocketAddr,
        connections: usize,
        serve: impl FnMut(TcpStream) -> F + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let serving = accept(listener, connections, serve);
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            runtime.spawn(serving);
            // Runs until the sender is dropped. Dropping the runtime drops all connections.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts connections. When there are too many, the oldest is dropped.
async fn accept<F: Future<Output: Send> + Send + 'static>(
    listener: TcpListener,
    connections: usize,
    mut serve: impl FnMut(TcpStream) -> F,
) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_AGAIN).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() == connections
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(serve(stream)).abort_handle());
    }
}

/// Reads and drops what the client sends after the last response, until it closes the connection or its time
/// is over. Closing the connection at once would reset it, and the client might not receive the response.
pub(crate) async fn linger(mut stream: TcpStream) {
    let _ = timeout(LINGER, async {
        let mut dropped = vec![0; 1 << 16];
        stream.shutdown().await?;
        while stream.read(&mut dropped).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// Returns the response to a request that is not a GET or HEAD, or has a body.
pub(crate) fn refusal<B: From<String>>(request: &Request<Incoming>) -> Option<Response<B>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(refused);
    }
    let has_body = !request.body().is_end_stream();
    has_body.then(|| plain(StatusCode::PAYLOAD_TOO_LARGE, "a request must not have a body"))
}

pub(crate) fn plain<B: From<String>>(status: StatusCode, why: &str) -> Response<B> {
    response(status, TEXT, format!("{why}\n"))
}

pub(crate) fn response<B: From<String>>(
    status: StatusCode,
    kind: &'static str,
    text: String,
) -> Response<B> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
