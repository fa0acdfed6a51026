//! A descriptor that is readable while there is something to read elsewhere.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// A pair of connected sockets. The program gets one of them, which is readable while the pair is raised.
#[derive(Debug)]
pub(crate) struct Socket {
    ours: UnixStream,
    theirs: Arc<UnixStream>,
}

impl Socket {
    pub(crate) fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Self { ours, theirs: Arc::new(theirs) })
    }

    pub(crate) fn readable(&self) -> Arc<UnixStream> {
        self.theirs.clone()
    }

    /// Makes the socket readable. One byte is enough; a full socket is readable anyway.
    pub(crate) fn raise(&self) {
        let _ = (&self.ours).write(&[1]);
    }

    /// Makes the socket unreadable. This does not block, because the program may have read the byte.
    pub(crate) fn lower(&self) {
        let mut bytes = [0; 16];
        while matches!((&*self.theirs).read(&mut bytes), Ok(16)) {}
    }
}
