//! What a leader and its agents say to each other: a length of four bytes, big-endian, and JSON.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::{nanos_of, now_ns};
use crate::pubsub::Heard;
use crate::report::ClientCost;

/// The version of what is said; both sides must have the same.
pub(crate) const VERSION: u32 = 1;
/// Bytes of a message before its sender has shown that it knows the secret.
pub(super) const EARLY_BYTES_MAX: u32 = 4 << 10;
/// Bytes of an order: a plan with many tokens is the longest.
pub(super) const ORDER_BYTES_MAX: u32 = 64 << 20;
/// Bytes of a report: a result with a million messages and as many subscribers is the longest.
pub(super) const REPORT_BYTES_MAX: u32 = 256 << 20;

/// Messages that came and were not taken yet.
const QUEUE_MAX: usize = 4;

/// What comes in, with when it came.
pub(super) type Incoming<M> = Receiver<(u64, io::Result<M>)>;

/// What a leader says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// The first order: it knows the secret, if there is one.
    Prove {
        nonce: String,
        proof: String,
    },
    /// What is the time?
    Clock,
    Plan(Box<Task>),
    /// So many connections of all agents may be open.
    Open {
        subscribers: u64,
        publishers: u64,
    },
    WarmUp,
    /// The first message is due then, by the agent's clock.
    Begin {
        at_ns: u64,
    },
    /// The leader is there.
    Look,
    /// The run is over.
    Stop,
    /// What each publisher of all agents has sent.
    Sent(Vec<u32>),
}

/// What an agent says.
#[derive(Serialize, Deserialize)]
pub(super) enum Report {
    /// The first report, before any order.
    Hello {
        version: u32,
        nonce: String,
        has_secret: bool,
    },
    /// The leader is known, and so is this agent.
    Welcome {
        proof: String,
        cpus: usize,
        descriptors: u64,
    },
    /// When the question came and when the answer went, by the agent's clock.
    Clock {
        came_ns: u64,
        went_ns: u64,
    },
    Ready,
    Counts(Counts),
    /// What each publisher has sent, as far as this agent has them.
    Sent(Vec<u32>),
    Result(Box<Outcome>),
    /// It cannot go on.
    Trouble(String),
}

/// What an agent is to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) command: String,
    /// Its flags, by their long names.
    pub(crate) flags: Map<String, Value>,
    /// Tokens of all connections, which take them in turn.
    pub(crate) tokens: Vec<String>,
    pub(crate) part: Part,
    /// Threads of each agent at most.
    pub(crate) threads: usize,
    /// Tells this run from others.
    pub(crate) run: u32,
    /// What the agent's clock is ahead of the leader's, in nanoseconds.
    pub(crate) ahead_ns: i64,
}

/// One of several equal parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// From 0.
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl Default for Part {
    /// All of it.
    fn default() -> Self {
        Self { number: 0, of: 1 }
    }
}

/// How far an agent is: each number grows.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) subscribers: CrewCounts,
    pub(crate) publishers: CrewCounts,
    pub(crate) warmed: u64,
    pub(crate) delivered: u64,
}

/// The same of one crew.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CrewCounts {
    pub(crate) live: u64,
    pub(crate) gave_up: u64,
    pub(crate) ended: u64,
    pub(crate) retries: u64,
}

/// What became of an agent's part.
#[derive(Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) heard: Heard,
    pub(crate) client: ClientCost,
}

/// Writes a message.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let len = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&len.to_be_bytes());
    to.write_all(&bytes)
}

/// Reads a message of up to `max` bytes. Memory is taken for bytes that came, not for a length.
pub(super) fn read<M: DeserializeOwned>(from: &mut impl Read, max: u32) -> io::Result<M> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = u32::from_be_bytes(len);
    if len > max {
        let text = format!("a message of {len} bytes, of {max} at most: is that an agent's port?");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut bytes = Vec::new();
    if from.take(u64::from(len)).read_to_end(&mut bytes)? < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

/// A stream that all of a greeting must come from within a time, however it comes in pieces.
pub(super) struct Early<'s> {
    stream: &'s TcpStream,
    end_ns: u64,
}

impl<'s> Early<'s> {
    pub(super) fn new(stream: &'s TcpStream, patience: Duration) -> Self {
        let end_ns = now_ns().saturating_add(nanos_of(patience));
        Self { stream, end_ns }
    }
}

impl Read for Early<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = Duration::from_nanos(self.end_ns.saturating_sub(now_ns()));
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(into)
    }
}

/// Reads what comes on a thread of its own. What is not taken fills the queue, then the socket, and
/// its sender waits.
pub(super) fn listen<M>(stream: &TcpStream, max: u32) -> io::Result<Incoming<M>>
where
    M: DeserializeOwned + Send + 'static,
{
    let (sender, receiver) = bounded(QUEUE_MAX);
    let mut stream = stream.try_clone()?;
    let body = move || loop {
        let message = read(&mut stream, max);
        let is_over = message.is_err();
        if sender.send((now_ns(), message)).is_err() || is_over {
            return;
        }
    };
    thread::Builder::new()
        .name("agent-link".to_owned())
        .spawn(body)?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn messages_are_read_back_and_long_or_short_ones_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Order::Begin { at_ns: u64::MAX }).unwrap();
        let read = |mut bytes: &[u8], max| read::<Order>(&mut bytes, max);
        assert!(matches!(
            read(&bytes, 100),
            Ok(Order::Begin { at_ns: u64::MAX })
        ));
        assert!(read(&bytes, 5).is_err(), "too long");
        assert!(read(&bytes[..bytes.len() - 1], 100).is_err(), "cut off");
        assert!(
            read(b"GET / HTTP/1.1\r\n", ORDER_BYTES_MAX).is_err(),
            "another protocol"
        );
        bytes[5] = 0xff;
        assert!(read(&bytes, 100).is_err(), "no JSON");
    }

    #[test]
    fn a_greeting_in_pieces_has_no_more_time_than_one_in_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stranger = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        // All is there, and more is to come.
        stranger.write_all(&[0, 0, 0, 100, b'{']).unwrap();
        let mut early = Early::new(&stream, Duration::from_millis(50));
        let mut piece = [0; 1];
        while early.read(&mut piece).is_ok() {
            stranger.write_all(b" ").unwrap();
            early.end_ns -= 10_000_000;
        }
    }

    #[test]
    fn what_is_not_taken_is_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut leader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let orders = listen(&listener.accept().unwrap().0, ORDER_BYTES_MAX).unwrap();
        assert_eq!(orders.capacity(), Some(QUEUE_MAX));
        for at_ns in 0..20 {
            write(&mut leader, &Order::Begin { at_ns }).unwrap();
        }
        drop(leader);
        let came: Vec<io::Result<Order>> = orders.iter().map(|(_, order)| order).collect();
        assert_eq!(came.iter().filter(|order| order.is_ok()).count(), 20);
        assert_eq!(came.len(), 21, "its end is the last");
    }
}
