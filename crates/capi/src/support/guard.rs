//! Every C function runs inside a guard: it catches panics, and in a forked process it returns an
//! error instead of waiting for a lock that nobody will release.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failure::{Failure, PATRON_OK, patron_error};
use super::fork;

/// Runs a function that can fail. An error object is created only if there is an output for it.
pub(crate) fn guard(
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
    work: impl FnOnce() -> Result<(), Failure>,
) -> i32 {
    let result = if fork::happened() {
        Err(Failure::forked())
    } else {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::panicked(&*panic)))
    };
    let Err(failure) = result else { return PATRON_OK };
    let code = failure.code();
    if let Some(error) = error {
        error.write(Box::new(failure.into()));
    }
    code
}

/// Runs a function that cannot fail; `neutral` is returned if there is no value.
pub(crate) fn read<T>(neutral: T, work: impl FnOnce() -> Option<T>) -> T {
    if fork::happened() {
        return neutral;
    }
    read_anywhere(neutral, work)
}

/// Like [`read`], for functions that take no lock, so that a forked process may call them.
pub(crate) fn read_anywhere<T>(neutral: T, work: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten().unwrap_or(neutral)
}

/// Drops an object that C has returned. After a fork it is leaked, because its locks may never be
/// released.
pub(crate) fn release<T>(object: T) {
    if fork::happened() {
        std::mem::forget(object);
    } else {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::PATRON_E_PANICKED;
    use super::*;

    #[test]
    fn a_panic_becomes_a_code_and_an_error_with_its_message() {
        let mut error = MaybeUninit::uninit();
        let code = guard(Some(&mut error), || panic!("out of {}", "cheese"));
        assert_eq!(code, PATRON_E_PANICKED);
        // SAFETY: guard failed, so it has written the error.
        let error = unsafe { error.assume_init() };
        assert!(error.message().contains("out of cheese"), "{}", error.message());
        assert_eq!(guard(None, || panic!("nobody listens")), PATRON_E_PANICKED);
    }

    #[test]
    fn a_panic_where_nothing_can_fail_gives_the_neutral_value() {
        assert_eq!(read(7, || panic!("out of cheese")), 7);
        struct Explosive;
        impl Drop for Explosive {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        release(Explosive);
    }
}
