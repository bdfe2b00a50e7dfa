//! A player that follows a test's commands, and reads the arena's messages byte by byte.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::support::socket::{self, dial};
use crate::support::wait::{in_a_while, now};
use crate::support::ws::Ws;

/// The input of an idle player.
pub(crate) const REST: [i8; 5] = [0; 5];

/// A player.
#[derive(Debug)]
pub(crate) struct Pilot {
    ws: Ws,
    /// A second handle of its socket, to end it without a word.
    stream: std::net::TcpStream,
    pub(crate) number: u8,
    /// The shard of its connection.
    pub(crate) shard: u8,
    input: [i8; 5],
    steered: Instant,
    read: u32,
}

/// What every player sees; equal if every byte is equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    bytes: Vec<u8>,
    pub(crate) tick: u32,
    pub(crate) players: BTreeMap<u8, Ship>,
}

/// A player's ship, in 32nds of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ship {
    state: u8,
    pub(crate) x: u16,
    pub(crate) aim: [i8; 2],
}

impl Ship {
    pub(crate) fn thrusts(self) -> bool {
        self.state & 4 != 0
    }
}

impl Pilot {
    /// Connects, and joins an arena; its number is 0 if that is full.
    pub(crate) fn join(addr: SocketAddr, arena: &str, name: &str) -> Self {
        let stream = dial(addr);
        let mut pilot = Self {
            stream: stream.try_clone().unwrap(),
            ws: Ws::over(stream, &format!("/arena/{arena}")),
            number: 0,
            shard: 0,
            input: REST,
            steered: now(),
            read: 0,
        };
        pilot.join_again(name);
        pilot
    }

    pub(crate) fn join_again(&mut self, name: &str) {
        self.send(&[&[1], name.as_bytes()].concat());
        let welcome = self.next(17);
        (self.number, self.shard) = (welcome[1], welcome[2]);
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.ws.send_binary(bytes);
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.ws.send_text(text);
    }

    /// Wants this from now on: thrust, aim, fire.
    pub(crate) fn steer(&mut self, input: [i8; 5]) {
        self.input = input;
        self.steered = now();
        let bytes = input.map(i8::cast_unsigned);
        self.send(&[&[2], &bytes[..]].concat());
    }

    /// Sends a sign of life, unless it has just sent something: a silent player is removed.
    pub(crate) fn keep_awake(&mut self) {
        if self.steered + Duration::from_secs(1) <= now() && self.number != 0 {
            self.steer(self.input);
        }
    }

    /// Steers so many times, or until its connection is reset under it.
    pub(crate) fn flood(&self, times: usize) {
        // A binary frame with a mask of zeros.
        const INPUT: [u8; 12] = [0x82, 0x86, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0];
        let sent: io::Result<()> = (0..times).try_for_each(|_| (&self.stream).write_all(&INPUT));
        if let Err(err) = sent {
            assert!(socket::is_reset(&err), "not reset: {err}");
        }
    }

    /// The next message of this kind; the others are passed over.
    pub(crate) fn next(&mut self, kind: u8) -> Vec<u8> {
        let deadline = in_a_while();
        loop {
            assert!(now() < deadline, "no message of kind {kind}");
            let payload = self.ws.next_payload();
            if payload[0] == kind {
                return payload;
            }
        }
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let bytes = self.next(16);
        self.read += 1;
        // A silent player is removed after 300 steps, and so is one that sends too much.
        if self.read.is_multiple_of(10) && self.number != 0 {
            self.steer(self.input);
        }
        let tick = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
        let ships = bytes[6..].chunks_exact(8).take(bytes[5].into());
        let players = ships.map(|ship| {
            let aim = [ship[6], ship[7]].map(u8::cast_signed);
            let x = u16::from_be_bytes([ship[2], ship[3]]);
            let state = ship[1];
            (ship[0], Ship { state, x, aim })
        });
        let players = players.collect();
        Snapshot {
            bytes,
            tick,
            players,
        }
    }

    /// All snapshots from a tick to another.
    pub(crate) fn snapshots(&mut self, from: u32, until: u32) -> Vec<Snapshot> {
        let mut seen = Vec::new();
        loop {
            let next = self.snapshot();
            if until < next.tick {
                return seen;
            }
            if from <= next.tick {
                seen.push(next);
            }
        }
    }

    /// Looks until the world is like that.
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(&Snapshot) -> bool) {
        let deadline = in_a_while();
        loop {
            let seen = self.snapshot();
            if is_so(&seen) {
                return;
            }
            assert!(now() < deadline, "waited in vain for {what}: {seen:?}");
        }
    }

    /// Waits for a list of names like that.
    pub(crate) fn wait_for_roster(&mut self, is_so: impl Fn(&BTreeMap<u8, String>) -> bool) {
        let deadline = in_a_while();
        loop {
            let bytes = self.next(18);
            let mut names = BTreeMap::new();
            let mut rest = &bytes[2..];
            while let [number, _, _, _, len, more @ ..] = rest {
                let (name, next) = more.split_at(usize::from(*len));
                names.insert(*number, String::from_utf8(name.to_vec()).unwrap());
                rest = next;
            }
            assert_eq!(names.len(), usize::from(bytes[1]));
            if is_so(&names) {
                return;
            }
            assert!(now() < deadline, "waited in vain for a roster: {names:?}");
        }
    }

    /// Reads up to the close frame: its code and reason.
    pub(crate) fn closing(&mut self) -> (u16, String) {
        let deadline = in_a_while();
        loop {
            assert!(now() < deadline, "not closed");
            if let Message::Close(close) = self.ws.next() {
                let close = close.expect("a close code");
                return (close.code.into(), close.reason.as_str().to_owned());
            }
        }
    }

    /// Ends without a word.
    pub(crate) fn reset(self) {
        socket::reset(self.stream);
    }

    /// Says goodbye, and does not wait.
    pub(crate) fn close(self) {
        const CLOSE: [u8; 6] = [0x88, 0x80, 0, 0, 0, 0];
        (&self.stream).write_all(&CLOSE).unwrap();
    }
}
