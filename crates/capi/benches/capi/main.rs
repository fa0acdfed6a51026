//! Compares the C ABI with the Rust API: the same calls, on the same client, alternately.
//!
//!     cargo bench -p torrent-patron-capi
#![allow(unsafe_code)]

#[path = "../../../../tests/support/noise.rs"]
mod noise;
#[path = "../../../../benches/patron/session.rs"]
#[allow(dead_code)] // only a part is used here, as of the next
mod session;
#[path = "../../../../benches/patron/table.rs"]
#[allow(dead_code)]
mod table;

use std::ptr;
use std::time::{Duration, Instant};

use torrent_patron::Patron;
use torrent_patron::patron::{Command, RemoveFiles};
// Its functions are called below by their C names.
use torrent_patron_capi as _;

use crate::session::{Result, Seeds, builder, call, microseconds, start};
use crate::table::{Table, Target, percentile, sorted};

/// As include/torrent_patron.h declares it; the pointers are opaque.
mod c {
    #[repr(C)]
    pub(super) struct Opaque([u8; 0]);
    pub(super) type Pointer = *mut Opaque;

    // SAFETY: these are the library's own functions, with the types of its header.
    unsafe extern "C" {
        pub(super) fn patron_shared(builder: Pointer, out: *mut Pointer, error: Pointer) -> i32;
        pub(super) fn patron_free(handle: Pointer);
        pub(super) fn patron_pause(
            handle: Pointer,
            torrent: u64,
            reply: *mut Pointer,
            error: Pointer,
        ) -> i32;
        pub(super) fn patron_reply_wait(reply: Pointer, timeout_ms: i64, error: Pointer) -> i32;
        pub(super) fn patron_reply_free(reply: Pointer);
        pub(super) fn patron_send(
            handle: Pointer,
            command: i32,
            torrent: u64,
            tag: u64,
            wait: bool,
            error: Pointer,
        ) -> i32;
        pub(super) fn patron_next_event(
            handle: Pointer,
            timeout_ms: i64,
            out: *mut Pointer,
            error: Pointer,
        ) -> i32;
        pub(super) fn patron_event_kind(event: Pointer) -> i32;
        pub(super) fn patron_event_free(event: Pointer);
    }
}

const COMMAND_PAUSE: i32 = 1;
const EVENT_COMMAND_FAILED: i32 = 17;

/// A patron of the process-wide client, through the C ABI.
struct CPatron(c::Pointer);

impl CPatron {
    fn shared() -> Result<Self> {
        let mut handle = ptr::null_mut();
        // SAFETY: `handle` takes the result; NULL is allowed for the others.
        let code = unsafe { c::patron_shared(ptr::null_mut(), &mut handle, ptr::null_mut()) };
        if code == 0 { Ok(Self(handle)) } else { Err(format!("patron_shared: {code}").into()) }
    }

    fn call(&self, torrent: u64) -> Result<()> {
        let mut reply = ptr::null_mut();
        // SAFETY: the handle is open; the reply is freed once.
        let code = unsafe {
            match c::patron_pause(self.0, torrent, &mut reply, ptr::null_mut()) {
                0 => {
                    let code = c::patron_reply_wait(reply, -1, ptr::null_mut());
                    c::patron_reply_free(reply);
                    code
                }
                code => code,
            }
        };
        if code == 0 { Ok(()) } else { Err(format!("patron_pause: {code}").into()) }
    }

    /// Sends a command that fails; the failure is an event.
    fn provoke(&self, closed: u64) -> Result<()> {
        // SAFETY: the handle is open; NULL is allowed for the error.
        match unsafe { c::patron_send(self.0, COMMAND_PAUSE, closed, 0, true, ptr::null_mut()) } {
            0 => Ok(()),
            code => Err(format!("patron_send: {code}").into()),
        }
    }

    fn drain(&self) -> usize {
        let mut failures = 0;
        let mut event = ptr::null_mut();
        // SAFETY: the handle is open; a received event is freed once.
        unsafe {
            while c::patron_next_event(self.0, 0, &mut event, ptr::null_mut()) == 0 {
                failures += usize::from(c::patron_event_kind(event) == EVENT_COMMAND_FAILED);
                c::patron_event_free(event);
            }
        }
        failures
    }
}

impl Drop for CPatron {
    fn drop(&mut self) {
        // SAFETY: made by patron_shared.
        unsafe { c::patron_free(self.0) };
    }
}

fn drain(patron: &Patron) -> usize {
    let failed = |event: &torrent_patron::Event| {
        matches!(event, torrent_patron::Event::CommandFailed { .. })
    };
    std::iter::from_fn(|| patron.try_recv()).filter(failed).count()
}

/// Events are drained in portions of the size of a mailbox.
const KEPT: usize = 4096;
const PORTIONS: usize = 245;

fn measure(table: &mut Table) -> Result<()> {
    let seeds = Seeds::make(2, 16 * 1024)?;
    let rust = Patron::shared_with(builder(seeds.directory.path()))?;
    let ours = CPatron::shared()?;
    let ids = start(&rust, &seeds, true)?;
    let [id, closed] = ids[..] else { return Err("two torrents were started".into()) };
    rust.remove_torrent(closed, RemoveFiles::Keep).wait()?;
    let (id_number, closed_number) = (id.get(), closed.get());

    let (mut in_rust, mut in_c) = (Vec::new(), Vec::new());
    for _ in 0..31 {
        for (figures, way) in [
            (&mut in_rust, &(|| call(&rust, id)) as &dyn Fn() -> Result<()>),
            (&mut in_c, &|| ours.call(id_number)),
        ] {
            let samples = (0..1000).map(|_| microseconds(way)).collect::<Result<Vec<_>>>()?;
            figures.push(percentile(&sorted(&samples), 50));
        }
    }
    let more: Vec<_> = in_c.iter().zip(&in_rust).map(|(c, rust)| c - rust).collect();
    table.figure("round trip through Rust: median", &in_rust, "µs", Target::None);
    table.figure("round trip through C: median", &in_c, "µs", Target::None);
    table.figure("  through C, beyond Rust", &more, "µs", Target::AtMost(1.0));

    let (mut rust_rate, mut c_rate) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (mut rust_time, mut c_time) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..PORTIONS {
            for _ in 0..KEPT {
                rust.send(Command::Pause(closed))?;
                ours.provoke(closed_number)?;
            }
            // Commands are answered in order, so the previous ones have been answered too.
            rust.pause(id).wait()?;
            let began = Instant::now();
            let in_rust = drain(&rust);
            rust_time += began.elapsed();
            let began = Instant::now();
            let in_c = ours.drain();
            c_time += began.elapsed();
            if (in_rust, in_c) != (KEPT, KEPT) {
                return Err(format!("{in_rust} and {in_c} events of {KEPT}").into());
            }
        }
        rust_rate.push((PORTIONS * KEPT) as f64 / rust_time.as_secs_f64());
        c_rate.push((PORTIONS * KEPT) as f64 / c_time.as_secs_f64());
    }
    let ratio: Vec<_> = c_rate.iter().zip(&rust_rate).map(|(c, rust)| c / rust).collect();
    table.figure("1,003,520 events drained through Rust", &rust_rate, "/s", Target::None);
    table.figure("1,003,520 events drained through C", &c_rate, "/s", Target::None);
    table.figure("  through C / through Rust", &ratio, "times", Target::AtLeast(0.5));
    Ok(())
}

fn main() -> Result<()> {
    if !std::env::args().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured without --bench");
        return Ok(());
    }
    let mut table = Table::default();
    measure(&mut table)?;
    println!("\n{table}");
    Ok(())
}
