//! Where the client accepts connections, and the patrons that asked before that was known.

use std::net::SocketAddr;

use crate::error::{Error, Result};
use crate::reply::Responder;

#[derive(Default)]
pub(in crate::client) struct Listening {
    addresses: Vec<SocketAddr>,
    /// The first failure.
    failure: Option<Error>,
    /// Set when libtorrent has tried every address.
    settled: bool,
    waiting: Vec<Responder<Vec<SocketAddr>>>,
}

impl Listening {
    /// Returns whether the address is new.
    pub(in crate::client) fn opened(&mut self, address: SocketAddr) -> bool {
        let new = !self.addresses.contains(&address);
        if new {
            self.addresses.push(address);
        }
        new
    }

    pub(in crate::client) fn failed(&mut self, error: &Error) {
        self.failure.get_or_insert_with(|| error.clone());
    }

    /// Answers now if it is settled, else once it is.
    pub(in crate::client) fn ask(&mut self, reply: Responder<Vec<SocketAddr>>) {
        if self.settled { reply.send(self.result()) } else { self.waiting.push(reply) }
    }

    pub(in crate::client) fn settle(&mut self) {
        self.settled = true;
        for reply in std::mem::take(&mut self.waiting) {
            reply.send(self.result());
        }
    }

    fn result(&self) -> Result<Vec<SocketAddr>> {
        match &self.failure {
            Some(error) if self.addresses.is_empty() => Err(error.clone()),
            _ => Ok(self.addresses.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::reply::one_shot;

    #[test]
    fn the_addresses_are_told_when_all_were_tried() {
        let mut listening = Listening::default();
        let ((early, mut early_reply), (late, mut late_reply)) = (one_shot("a"), one_shot("b"));
        let address = "127.0.0.1:6881".parse().unwrap();
        listening.ask(early);
        assert!(listening.opened(address) && !listening.opened(address));
        listening.failed(&Error::new(ErrorKind::Io, "listen", "in use"));
        assert!(early_reply.try_take().is_none());
        listening.settle();
        listening.ask(late);
        for reply in [&mut early_reply, &mut late_reply] {
            assert_eq!(reply.try_take().unwrap().unwrap(), [address], "one of two is enough");
        }
    }

    #[test]
    fn a_client_that_listens_nowhere_says_why_it_failed_first() {
        let (mut listening, (responder, reply)) = (Listening::default(), one_shot("a"));
        listening.failed(&Error::new(ErrorKind::Io, "listen", "in use"));
        listening.failed(&Error::new(ErrorKind::Native, "listen", "another"));
        listening.ask(responder);
        listening.settle();
        assert_eq!(reply.try_take().unwrap().unwrap_err().kind(), ErrorKind::Io);
    }
}
