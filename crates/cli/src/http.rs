//! A web server on a thread of its own.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The pause after a failed accept: without descriptors, the next one would fail at once.
pub(crate) const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Dropping it ends the server and the thread.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `serve` accepts connections, each by a task of its own.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        name: &str,
        address: SocketAddr,
        serve: impl FnOnce(TcpListener) -> F,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let serving = serve(listener);
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

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
