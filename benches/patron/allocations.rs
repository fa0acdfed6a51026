//! Counts the memory that the Rust side allocates, while turned on.
#![allow(unsafe_code)] // a global allocator requires it

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Even when it is off, reading it costs the other figures a read of a shared cache line.
static ON: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicIsize = AtomicIsize::new(0);

/// Returns how many more bytes are allocated, by all threads, after `work` than before.
pub(crate) fn growth<T>(work: impl FnOnce() -> T) -> (T, isize) {
    BYTES.store(0, Ordering::Relaxed);
    ON.store(true, Ordering::Relaxed);
    let result = work();
    ON.store(false, Ordering::Relaxed);
    (result, BYTES.load(Ordering::Relaxed))
}

fn count(bytes: usize, sign: isize) {
    if ON.load(Ordering::Relaxed) {
        // No allocation is larger than isize::MAX.
        BYTES.fetch_add(sign * bytes as isize, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed to System unchanged; the defaults of `alloc_zeroed` and `realloc`
// use these functions.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}
