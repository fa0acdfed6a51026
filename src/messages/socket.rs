//! A descriptor that is readable while there is something to take.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// A pair of connected sockets; the one handed out is readable while it is raised.
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

    /// One byte is enough; a full socket is readable anyway.
    pub(crate) fn raise(&self) {
        let _ = (&self.ours).write(&[1]);
    }

    /// Not blocking, because the one who was handed the socket may have read from it.
    pub(crate) fn lower(&self) {
        let mut bytes = [0; 16];
        while matches!((&*self.theirs).read(&mut bytes), Ok(16)) {}
    }
}
