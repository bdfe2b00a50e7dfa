//! The event loop of one thread that attacks.

mod bytes;

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::net::sockopt;

use crate::client::{Link, State};
use crate::clock::{MILLISECOND, now_ns};
use crate::control::Control;
use crate::hostile::attack::Attack;
use crate::hostile::script::{Script, Then};
use crate::inflate::Inflater;
use crate::socket::{self, CONNS_PER_ADDRESS};
use crate::worker::io_label;

/// What attacking connections have done and met, by attack.
pub(super) type Losses = BTreeMap<Attack, Loss>;

/// What the connections of one attack have done and met.
#[derive(Clone, Debug, Default)]
pub(super) struct Loss {
    /// Connections that went through, each time counted.
    pub(super) opened: u64,
    /// Bytes that the kernel took.
    pub(super) sent: u64,
    /// How connections ended, and how often.
    pub(super) ends: BTreeMap<String, u64>,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Siege {
    control: Arc<Control>,
    /// Connections of all that are open, for the series.
    open: Arc<AtomicU64>,
    poll: Poll,
    foes: Vec<Foe>,
    /// Those whose sockets may take more.
    eager: Vec<usize>,
    first_source: u32,
    begun: u32,
    losses: Losses,
    inflater: Inflater,
    buf: Vec<u8>,
}

/// One attacking connection.
#[derive(Debug)]
struct Foe {
    script: Arc<Script>,
    link: Link,
    /// When it is to be opened.
    due: u64,
    /// What it sends now, and how much of it is gone.
    now: Arc<[u8]>,
    gone: usize,
    /// How many of those that are sent at every turn are out.
    turns: u64,
    is_eager: bool,
}

const DOORBELL: Token = Token(usize::MAX - 1);
const EVENTS_PER_TURN: usize = 1024;
/// Connections that are begun in a turn.
const BEGUN_PER_TURN: usize = 64;
/// One that ended is opened again after this.
const REST_NS: u64 = 250 * MILLISECOND;
const PATIENCE: Duration = Duration::from_millis(5);
/// Of those that do not read: the kernel holds no more for them.
const SMALL_BUFFER: usize = 2_048;
/// Source addresses of a thread, after those of the gangs.
const ADDRESSES: u32 = 64;
const FIRST_ADDRESS: u32 = 1 << 12;

impl Siege {
    /// To be called on the thread itself, after its descriptor table was made.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub(super) fn new(
        thread: usize,
        scripts: Vec<Arc<Script>>,
        control: Arc<Control>,
        open: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        if let Some(doorbell) = control.doorbell(thread) {
            let fd = doorbell.as_fd().as_raw_fd();
            let registry = poll.registry();
            registry.register(&mut SourceFd(&fd), DOORBELL, Interest::READABLE)?;
        }
        let thread = u32::try_from(thread).unwrap_or(0);
        Ok(Self {
            control,
            open,
            poll,
            foes: scripts.into_iter().map(Foe::new).collect(),
            eager: Vec::new(),
            first_source: (FIRST_ADDRESS + thread * ADDRESSES) * CONNS_PER_ADDRESS,
            begun: 0,
            losses: Losses::new(),
            inflater: Inflater::new(),
            buf: vec![0; 256 << 10],
        })
    }

    /// Runs until the crew is stopped.
    ///
    /// # Errors
    ///
    /// Polling failed; nothing a server does is an error here.
    pub(super) fn run(mut self) -> io::Result<Losses> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut began_at = 0;
        loop {
            let patience = match self.eager.is_empty() {
                true => PATIENCE,
                false => Duration::ZERO,
            };
            match self.poll.poll(&mut events, Some(patience)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            if self.control.is_stopping() {
                return Ok(self.losses);
            }
            let now = now_ns();
            for event in &events {
                match event.token() {
                    DOORBELL => {}
                    Token(index) => {
                        let is_over = event.is_read_closed() || event.is_error();
                        self.on_ready(index, event.is_writable(), is_over);
                    }
                }
            }
            if began_at == 0 && self.control.open_up_to.load(Ordering::Acquire) > 0 {
                began_at = now;
            }
            if began_at > 0 {
                self.begin_due(now);
                self.pass_turns(began_at, now);
            }
            for index in mem::take(&mut self.eager) {
                self.foes[index].is_eager = false;
                self.read(index);
                self.write(index);
            }
        }
    }

    fn begin_due(&mut self, now: u64) {
        let mut begun = 0;
        for index in 0..self.foes.len() {
            let foe = &self.foes[index];
            if foe.link.state == State::Idle && foe.due <= now {
                self.begin(index);
                begun += 1;
                if begun == BEGUN_PER_TURN {
                    return;
                }
            }
        }
    }

    fn begin(&mut self, index: usize) {
        self.begun = self.begun.wrapping_add(1);
        let addresses = ADDRESSES * CONNS_PER_ADDRESS;
        let source = socket::source(self.first_source + self.begun % addresses);
        let foe = &mut self.foes[index];
        let buffer = if foe.script.reads { 0 } else { SMALL_BUFFER };
        let made = socket::connect(foe.script.target.addr, source, buffer).and_then(|fd| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(&mut SourceFd(&fd.as_raw_fd()), Token(index), interest)?;
            Ok(fd)
        });
        match made {
            Ok(fd) => {
                foe.link.fd = Some(fd);
                foe.link.state = State::Connecting;
            }
            Err(error) => self.end(index, io_label(error)),
        }
    }

    fn on_ready(&mut self, index: usize, is_writable: bool, is_over: bool) {
        let foe = &mut self.foes[index];
        let Some(fd) = &foe.link.fd else { return };
        if foe.link.state == State::Connecting {
            if let Err(error) = sockopt::socket_error(fd).and_then(|result| result) {
                return self.end(index, io_label(error.into()));
            }
            self.open.fetch_add(1, Ordering::AcqRel);
            self.losses.entry(foe.script.attack).or_default().opened += 1;
            if foe.script.upgrades() {
                foe.link.state = State::Opening;
                foe.sends(foe.script.request.clone().into());
            } else {
                foe.becomes_live();
            }
        }
        if is_writable {
            self.want(index);
        }
        let foe = &self.foes[index];
        if is_over && !foe.script.reads && foe.link.state == State::Live {
            return self.end(index, "closed by the server".to_owned());
        }
        self.read(index);
    }

    /// It is written to in this turn.
    fn want(&mut self, index: usize) {
        if !mem::replace(&mut self.foes[index].is_eager, true) {
            self.eager.push(index);
        }
    }

    /// What is sent in the same moment by all.
    fn pass_turns(&mut self, began_at: u64, now: u64) {
        for index in 0..self.foes.len() {
            let foe = &mut self.foes[index];
            let Then::Every(every, piece) = &foe.script.then else {
                continue;
            };
            let turn = now.saturating_sub(began_at) / every;
            if foe.link.state == State::Live && foe.gone == foe.now.len() && foe.turns < turn {
                let piece = Arc::clone(piece);
                foe.turns = turn;
                foe.sends(piece);
                self.want(index);
            }
        }
    }

    /// A connection is over, or could not be made: it is opened again after a while.
    fn end(&mut self, index: usize, how: String) {
        let foe = &mut self.foes[index];
        let loss = self.losses.entry(foe.script.attack).or_default();
        *loss.ends.entry(how).or_default() += 1;
        if matches!(foe.link.state, State::Opening | State::Live) {
            self.open.fetch_sub(1, Ordering::AcqRel);
        }
        let is_eager = foe.is_eager;
        *foe = Foe {
            due: now_ns() + REST_NS,
            is_eager,
            turns: foe.turns,
            ..Foe::new(Arc::clone(&foe.script))
        };
    }
}

impl Foe {
    /// One that is not open yet.
    fn new(script: Arc<Script>) -> Self {
        Self {
            link: Link::new(script.target.protocol),
            script,
            due: 0,
            now: Arc::default(),
            gone: 0,
            turns: 0,
            is_eager: false,
        }
    }

    fn sends(&mut self, bytes: Arc<[u8]>) {
        (self.now, self.gone) = (bytes, 0);
    }

    fn becomes_live(&mut self) {
        self.link.state = State::Live;
        self.sends(Arc::clone(&self.script.first));
    }
}

/// Adds what another thread has counted.
pub(super) fn add_losses(all: &mut Losses, part: Losses) {
    for (attack, loss) in part {
        let sum = all.entry(attack).or_default();
        sum.opened += loss.opened;
        sum.sent += loss.sent;
        for (how, count) in loss.ends {
            *sum.ends.entry(how).or_default() += count;
        }
    }
}
