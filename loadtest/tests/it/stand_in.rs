//! A server that passes messages on to all of a topic, and breaks one rule once.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::wire::{self, BINARY, BUSY, CLOSE, LATE, PING, PONG, UPGRADED};

/// What it does wrong. Messages and upgrades are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// The first subscriber of the topic never gets this message.
    Lose(usize),
    /// It gets it twice.
    Repeat(usize),
    /// It gets it after the next one.
    Swap(usize),
    /// It gets it with one byte changed.
    Corrupt(usize),
    /// It is closed with 1013 instead.
    Close(usize),
    /// A subscriber of another topic gets it as well.
    Astray(usize),
    /// All that connect after so many are refused with 503.
    Refuse(usize),
    /// They never get a message.
    Deafen(usize),
    /// Each connection gets a message that no publisher sent.
    Push,
    /// Each connection is closed with 1013.
    CloseAll,
    /// Close frames are not answered; the connection just ends.
    Hush,
    /// Each connection is sent a ping.
    PingAll,
    /// All connections end at this message.
    Die(usize),
    /// It needs a MiB more for each message.
    Grow,
    /// Heads that are not there at once are answered with 408.
    Hurry,
}

/// What a thread that reads tells the one that knows all connections.
enum Event {
    Open(TcpStream, String),
    Message(usize, Vec<u8>),
    Pong(Vec<u8>),
    Closed(usize, Vec<u8>),
    Gone(usize),
}

/// A subscriber or a publisher.
struct Conn {
    stream: TcpStream,
    topic: String,
    listens: bool,
}

/// A running stand-in; it lives as long as the test.
pub(crate) struct StandIn {
    pub(crate) http: String,
    /// Payloads of pongs and close frames of clients, with their first byte.
    pub(crate) heard: Receiver<(u8, Vec<u8>)>,
}

struct Hub {
    fault: Fault,
    conns: BTreeMap<usize, Conn>,
    upgrades: usize,
    messages: usize,
    /// What the first subscriber gets after the next message.
    held: Option<Vec<u8>>,
    grown: Vec<Vec<u8>>,
    heard: Sender<(u8, Vec<u8>)>,
    events: Sender<Event>,
}

impl StandIn {
    /// Starts one.
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = listener.local_addr().unwrap().to_string();
        let (events, inbox) = channel();
        let (heard, heard_by) = channel();
        let opened = events.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let opened = opened.clone();
                thread::spawn(move || read_head(stream, fault, &opened));
            }
        });
        let mut hub = Hub {
            fault,
            conns: BTreeMap::new(),
            upgrades: 0,
            messages: 0,
            held: None,
            grown: Vec::new(),
            heard,
            events,
        };
        thread::spawn(move || inbox.iter().for_each(|event| hub.on(event)));
        Self {
            http,
            heard: heard_by,
        }
    }
}

fn read_head(mut stream: TcpStream, fault: Fault, opened: &Sender<Event>) {
    if fault == Fault::Hurry && stream.peek(&mut [0; 8]).is_ok_and(|len| len < 8) {
        return wire::write(&stream, LATE);
    }
    if let Ok(path) = wire::read_path(&mut stream) {
        drop(opened.send(Event::Open(stream, path)));
    }
}

impl Hub {
    fn on(&mut self, event: Event) {
        match event {
            Event::Open(stream, path) => self.open(stream, &path),
            Event::Message(id, payload) => self.publish(id, &payload),
            Event::Pong(payload) => drop(self.heard.send((PONG, payload))),
            Event::Closed(id, payload) => {
                if let Some(conn) = self.conns.remove(&id) {
                    if self.fault != Fault::Hush {
                        wire::write(&conn.stream, &wire::frame(CLOSE, &payload));
                    }
                    drop(conn.stream.shutdown(Shutdown::Both));
                }
                drop(self.heard.send((CLOSE, payload)));
            }
            Event::Gone(id) => drop(self.conns.remove(&id)),
        }
    }

    fn open(&mut self, stream: TcpStream, path: &str) {
        let id = self.upgrades;
        self.upgrades += 1;
        if matches!(self.fault, Fault::Refuse(after) if after <= id) {
            return wire::write(&stream, BUSY);
        }
        wire::write(&stream, UPGRADED);
        match self.fault {
            Fault::Push => wire::write(&stream, &wire::frame(BINARY, b"surprise")),
            Fault::PingAll => wire::write(&stream, &wire::frame(PING, b"hi")),
            Fault::CloseAll => wire::write(&stream, &wire::frame(CLOSE, &1013_u16.to_be_bytes())),
            _ => {}
        }
        let (events, reads) = (self.events.clone(), stream.try_clone().unwrap());
        thread::spawn(move || {
            let mut reads = BufReader::new(reads);
            while let Ok((first, payload)) = wire::read_frame(&mut reads) {
                let event = match first {
                    CLOSE => Event::Closed(id, payload),
                    PONG => Event::Pong(payload),
                    _ => Event::Message(id, payload),
                };
                drop(events.send(event));
            }
            drop(events.send(Event::Gone(id)));
        });
        let (kind, topic) = path[1..].split_once('/').unwrap_or(("ws", ""));
        let is_deaf = matches!(self.fault, Fault::Deafen(after) if after <= id);
        let conn = Conn {
            stream,
            topic: topic.to_owned(),
            listens: kind != "pub" && !is_deaf,
        };
        self.conns.insert(id, conn);
    }

    fn publish(&mut self, id: usize, payload: &[u8]) {
        let number = self.messages;
        self.messages += 1;
        let Some(topic) = self.conns.get(&id).map(|conn| conn.topic.clone()) else {
            return;
        };
        if self.fault == Fault::Die(number) {
            let all = self.conns.values();
            return all.for_each(|conn| drop(conn.stream.shutdown(Shutdown::Both)));
        }
        if self.fault == Fault::Grow {
            self.grown.push(vec![1; 1 << 20]);
        }
        let frame = wire::frame(BINARY, payload);
        let listeners = || self.conns.values().filter(|conn| conn.listens);
        let all: Vec<&Conn> = listeners().filter(|conn| conn.topic == topic).collect();
        let Some((first, others)) = all.split_first() else {
            return;
        };
        for conn in others {
            wire::write(&conn.stream, &frame);
        }
        let mut held = None;
        let to_first = match self.fault {
            Fault::Lose(at) if at == number => Vec::new(),
            Fault::Repeat(at) if at == number => [&frame[..], &frame].concat(),
            Fault::Corrupt(at) if at == number => {
                let mut changed = frame;
                *changed.last_mut().unwrap() ^= 1;
                changed
            }
            Fault::Close(at) if at == number => wire::frame(CLOSE, &1013_u16.to_be_bytes()),
            Fault::Swap(at) if at == number => {
                held = Some(frame);
                Vec::new()
            }
            Fault::Astray(at) if at == number => {
                if let Some(other) = listeners().find(|conn| conn.topic != topic) {
                    wire::write(&other.stream, &frame);
                }
                frame
            }
            _ => frame,
        };
        wire::write(&first.stream, &to_first);
        if let Some(late) = self.held.take() {
            wire::write(&first.stream, &late);
        }
        self.held = held;
    }
}
