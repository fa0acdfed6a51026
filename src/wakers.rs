//! The tasks that wait for one thing.

use std::task::Waker;

/// How many tasks are kept. Tasks that have ended leave their wakers behind.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn has(&self, waker: &Waker) -> bool {
        self.0.iter().any(|known| known.will_wake(waker))
    }

    /// Returns the oldest one if there are too many. It is to be woken: its task polls again if it still waits.
    #[must_use]
    pub(crate) fn add(&mut self, waker: Waker) -> Option<Waker> {
        let oldest = (self.0.len() == MOST).then(|| self.0.remove(0));
        self.0.push(waker);
        oldest
    }

    /// Wakes all tasks. That runs code of executors, so no lock may be held.
    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Counts(AtomicUsize);

    impl std::task::Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn wakers_of_tasks_that_have_ended_do_not_pile_up() {
        let tasks: Vec<_> = (0..MOST + 9).map(|_| Arc::new(Counts(0.into()))).collect();
        let mut wakers = Wakers::default();
        for task in &tasks {
            let waker = Waker::from(task.clone());
            assert!(!wakers.has(&waker));
            wakers.add(waker.clone()).into_iter().for_each(Waker::wake);
            assert!(wakers.has(&waker));
        }
        assert_eq!(wakers.0.len(), MOST);
        wakers.wake();
        let woken = tasks.iter().filter(|task| task.0.load(Ordering::SeqCst) == 1);
        assert_eq!(woken.count(), tasks.len(), "each is woken once, those that made room too");
    }
}
