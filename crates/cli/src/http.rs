//! A web server on a thread of its own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::sleep;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The pause after a failed accept: without descriptors, the next one would fail at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Dropping it ends the server and the thread.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves each connection by a task of its own, and at most `connections` at once.
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
            // Until the sender is dropped. Dropping the runtime drops all connections.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Beyond so many connections, the oldest gives way to a new one.
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

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
