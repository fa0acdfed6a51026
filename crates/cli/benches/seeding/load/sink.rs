//! The receiving end of an iperf3 test, which discards data as a swarm does. iperf3's own receiver copies all
//! data and is slower than its sender: the kernel then does part of the sender's work in the receiver's time,
//! and the sender seems to cost less than it does.
//!
//! The messages of the control connection are defined in iperf3's `iperf_api.h` and `iperf_server_api.c`.

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, recv};
use serde_json::{Value, json};

use super::wire::MAX_MESSAGE;
use super::{QUANTUM, STALL, watch};

const COOKIE: usize = 37;
/// The states of a test, which its two ends exchange.
const TEST_START: u8 = 1;
const TEST_RUNNING: u8 = 2;
const TEST_END: u8 = 4;
const PARAM_EXCHANGE: u8 = 9;
const CREATE_STREAMS: u8 = 10;
const EXCHANGE_RESULTS: u8 = 13;
const DISPLAY_RESULTS: u8 = 14;

const CONTROL: u64 = u64::MAX;

/// Takes part in the next test.
pub(crate) fn take_all(listener: &TcpListener) -> Result<()> {
    let mut control = accept(listener)?;
    control.write_all(&[PARAM_EXCHANGE])?;
    let parameters = read_json(&mut control)?;
    let streams = parameters["parallel"].as_u64().unwrap_or(1);
    control.write_all(&[CREATE_STREAMS])?;
    let data = (0..streams).map(|_| accept(listener)).collect::<Result<Vec<_>>>()?;
    control.write_all(&[TEST_START])?;
    control.write_all(&[TEST_RUNNING])?;
    discard(&mut control, &data).context("while iperf3 was sending")?;
    control.write_all(&[EXCHANGE_RESULTS])?;
    let sent = read_json(&mut control)?;
    // The sender's own figures are used, but it expects some of ours for each stream.
    let received: Vec<_> = sent["streams"]
        .as_array()
        .context("results without streams")?
        .iter()
        .map(|stream| {
            json!({
                "id": stream["id"], "bytes": stream["bytes"], "retransmits": -1, "jitter": 0,
                "errors": 0, "omitted_errors": 0, "packets": 0, "omitted_packets": 0,
                "start_time": stream["start_time"], "end_time": stream["end_time"],
            })
        })
        .collect();
    let results = json!({
        "cpu_util_total": 0, "cpu_util_user": 0, "cpu_util_system": 0,
        "sender_has_retransmits": -1, "streams": received,
    });
    write_json(&mut control, &results)?;
    control.write_all(&[DISPLAY_RESULTS])?;
    // It reports that it is done, and disconnects.
    control.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn accept(listener: &TcpListener) -> Result<TcpStream> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(STALL))?;
    stream.read_exact(&mut [0; COOKIE])?;
    Ok(stream)
}

/// Discards data until the sender reports the end of the test.
fn discard(control: &mut TcpStream, data: &[TcpStream]) -> Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(&epoll, control, CONTROL)?;
    for (id, stream) in (0..).zip(data) {
        stream.set_nonblocking(true)?;
        watch(&epoll, stream, id)?;
    }
    let mut buffer = vec![0; QUANTUM];
    let stall = Timespec { tv_sec: STALL.as_secs() as i64, tv_nsec: 0 };
    loop {
        let mut ready = [const { MaybeUninit::uninit() }; 64];
        let ready = epoll::wait(&epoll, &mut ready, Some(&stall))?.0;
        ensure!(!ready.is_empty(), "nothing came for {STALL:?}");
        for event in ready {
            if event.data.u64() == CONTROL {
                let mut state = [0];
                control.read_exact(&mut state)?;
                match state {
                    [TEST_END] => return Ok(()),
                    [other] => bail!("it ended with state {other}"),
                }
            }
            let stream = &data[event.data.u64() as usize];
            match recv(stream, &mut buffer[..], RecvFlags::TRUNC).map_err(std::io::Error::from) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Reads JSON, which is preceded by its length.
fn read_json(control: &mut TcpStream) -> Result<Value> {
    let mut length = [0; 4];
    control.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    ensure!(length <= MAX_MESSAGE, "{length} bytes of JSON");
    let mut text = vec![0; length];
    control.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn write_json(control: &mut TcpStream, value: &Value) -> Result<()> {
    let text = serde_json::to_vec(value)?;
    let length = u32::try_from(text.len())?;
    Ok(control.write_all(&[&length.to_be_bytes()[..], &text].concat())?)
}
