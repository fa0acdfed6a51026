//! Divides the process's open descriptors among its clients.

use parking_lot::Mutex;

use crate::error::Result;

/// The number of descriptors that all running clients want.
static WANTED: Mutex<u64> = Mutex::new(0);

/// The number that one client wants, while it runs.
#[derive(Debug)]
pub(super) struct Descriptors(u64);

/// The limits that result from a client's demand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// What all clients want together.
    pub(super) wanted: u64,
    /// What the process may have.
    pub(super) available: u64,
    /// The client's share of `available`, in proportion to what it wants.
    pub(super) share: u64,
}

impl Descriptors {
    /// `raise` raises the process's limit as far as permitted, and returns the limit that then
    /// applies.
    pub(super) fn want(
        count: u64,
        raise: impl FnOnce(u64) -> Result<u64>,
    ) -> Result<(Self, Limit)> {
        let wanted = {
            let mut wanted = WANTED.lock();
            *wanted += count;
            *wanted
        };
        let own = Self(count);
        let available = raise(wanted)?;
        Ok((own, Limit::of(count, wanted, available)))
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        *WANTED.lock() -= self.0;
    }
}

impl Limit {
    fn of(count: u64, wanted: u64, available: u64) -> Self {
        let share = u128::from(available) * u128::from(count) / u128::from(wanted.max(1));
        Self { wanted, available, share: u64::try_from(share).unwrap_or(u64::MAX) }
    }

    pub(super) fn is_too_low(&self) -> bool {
        self.available < self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_share_what_there_is() {
        assert_eq!(Limit::of(300, 300, 200).share, 200);
        assert_eq!(Limit::of(300, 900, 600).share, 200);
        assert_eq!(Limit::of(0, 0, 600).share, 0);
        assert_eq!(Limit::of(u64::MAX, u64::MAX, u64::MAX).share, u64::MAX);
        assert!(!Limit::of(300, 900, 900).is_too_low());
        assert!(Limit::of(300, 900, 899).is_too_low());
    }
}
