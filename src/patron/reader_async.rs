//! Implements the traits of async runtimes for readers. Seeks do not wait.

use std::io::{self, BufRead, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::reader::{Reader, read_error};

fn poll_buffer<'a>(
    reader: &'a mut Reader,
    context: &mut Context<'_>,
) -> Poll<io::Result<&'a [u8]>> {
    reader.poll_data(context).map_err(read_error)
}

#[cfg(feature = "futures-io")]
impl futures_io::AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let here = ready!(poll_buffer(&mut self, context))?;
        let length = here.len().min(buffer.len());
        buffer[..length].copy_from_slice(&here[..length]);
        BufRead::consume(&mut *self, length);
        Poll::Ready(Ok(length))
    }
}

#[cfg(feature = "futures-io")]
impl futures_io::AsyncBufRead for Reader {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        poll_buffer(self.get_mut(), context)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        BufRead::consume(&mut *self, amount);
    }
}

#[cfg(feature = "futures-io")]
impl futures_io::AsyncSeek for Reader {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        Poll::Ready(self.seek(to))
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let here = ready!(poll_buffer(&mut self, context))?;
        let length = here.len().min(buffer.remaining());
        buffer.put_slice(&here[..length]);
        BufRead::consume(&mut *self, length);
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncBufRead for Reader {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        poll_buffer(self.get_mut(), context)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        BufRead::consume(&mut *self, amount);
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncSeek for Reader {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.seek(to).map(|_| ())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position()))
    }
}
