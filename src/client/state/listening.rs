//! The addresses that the client listens on, and the patrons that asked before they were known.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::error::{Error, Result};
use crate::reply::Responder;

#[derive(Default)]
pub(in crate::client) struct Listening {
    /// The state of each shard.
    shards: BTreeMap<usize, Shard>,
    /// Whether libtorrent has tried all addresses.
    settled: bool,
    waiting: Vec<Waiter>,
}

/// A waiting reply, and the shards that it asks about; `None` for all shards.
type Waiter = (Option<Vec<usize>>, Responder<Vec<SocketAddr>>);

#[derive(Default)]
struct Shard {
    addresses: Vec<SocketAddr>,
    /// The failure that explains why it has no address.
    failure: Option<Error>,
}

impl Listening {
    /// Replaces the addresses of a shard. Returns those that it did not have.
    pub(in crate::client) fn moved(
        &mut self,
        shard: usize,
        addresses: Vec<SocketAddr>,
    ) -> Vec<SocketAddr> {
        let shard = self.shards.entry(shard).or_default();
        let before = std::mem::replace(&mut shard.addresses, addresses);
        if !shard.addresses.is_empty() {
            shard.failure = None;
        }
        shard.addresses.iter().filter(|address| !before.contains(address)).copied().collect()
    }

    pub(in crate::client) fn failed(&mut self, shard: usize, error: &Error) {
        let shard = self.shards.entry(shard).or_default();
        // It may be about to lose the addresses that it has.
        if !shard.addresses.is_empty() || shard.failure.is_none() {
            shard.failure = Some(error.clone());
        }
    }

    /// Answers with the addresses of some or all shards, now or when all addresses have been tried.
    pub(in crate::client) fn ask(
        &mut self,
        shards: Option<Vec<usize>>,
        reply: Responder<Vec<SocketAddr>>,
    ) {
        match self.settled {
            true => reply.send(self.result(shards.as_deref())),
            false => self.waiting.push((shards, reply)),
        }
    }

    pub(in crate::client) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(in crate::client) fn settle(&mut self) {
        self.settled = true;
        for (shards, reply) in std::mem::take(&mut self.waiting) {
            reply.send(self.result(shards.as_deref()));
        }
    }

    /// Returns the addresses, or an error if a shard has none, because its torrents would be unreachable.
    fn result(&self, shards: Option<&[usize]>) -> Result<Vec<SocketAddr>> {
        let mut addresses = Vec::new();
        let wanted = |number: &usize| shards.is_none_or(|shards| shards.contains(number));
        for (_, shard) in self.shards.iter().filter(|(number, _)| wanted(number)) {
            match &shard.failure {
                Some(error) if shard.addresses.is_empty() => return Err(error.clone()),
                _ => addresses.extend(&shard.addresses),
            }
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::reply::one_shot;

    #[test]
    fn the_addresses_are_reported_when_all_were_tried() {
        let mut listening = Listening::default();
        let ((early, mut early_reply), (late, mut late_reply)) = (one_shot("a"), one_shot("b"));
        let address = "127.0.0.1:6881".parse().unwrap();
        listening.ask(None, early);
        assert_eq!(listening.moved(0, vec![address]), [address]);
        assert_eq!(listening.moved(0, vec![address]), []);
        listening.failed(0, &Error::new(ErrorKind::Io, "listen", "in use"));
        assert!(early_reply.try_take().is_none());
        listening.settle();
        listening.ask(None, late);
        for reply in [&mut early_reply, &mut late_reply] {
            assert_eq!(reply.try_take().unwrap().unwrap(), [address], "one of two is enough");
        }
    }

    #[test]
    fn a_client_that_cannot_listen_reports_the_first_failure() {
        let (mut listening, (responder, reply)) = (Listening::default(), one_shot("a"));
        listening.failed(0, &Error::new(ErrorKind::Io, "listen", "in use"));
        listening.failed(0, &Error::new(ErrorKind::Native, "listen", "another"));
        listening.ask(None, responder);
        listening.settle();
        assert_eq!(reply.try_take().unwrap().unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn a_shard_that_listens_nowhere_is_an_error_of_the_client_and_not_of_the_others() {
        let mut listening = Listening::default();
        let addresses = ["127.0.0.1:1", "127.0.0.1:2"].map(|one| one.parse().unwrap());
        listening.moved(0, vec![addresses[0]]);
        listening.failed(1, &Error::new(ErrorKind::Io, "listen", "in use"));
        listening.settle();
        assert_eq!(listening.result(None).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(listening.result(Some(&[0])).unwrap(), [addresses[0]]);
        listening.moved(1, vec![addresses[1]]);
        assert_eq!(listening.result(None).unwrap(), addresses);
        assert_eq!(listening.result(Some(&[1])).unwrap(), [addresses[1]]);
    }
}
