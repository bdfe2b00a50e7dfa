//! The event loop of one client thread: opens its connections, reads them, tells its application.
//!
//! Edge-triggered; a read ends at a short read, and only a hang-up makes it go on to the end,
//! epoll(7). All connections share one read buffer.

mod life;
mod read;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::thread::nanosleep;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use rustls::ClientConfig;

use crate::client::control::Control;
use crate::client::frame::HEADER_BYTES_MAX;
use crate::client::inflate::Inflater;
use crate::client::link::{Link, State};
use crate::client::opener::Opener;
use crate::client::outbox::Outbox;
use crate::client::tls;
use crate::client::{App, Done, Place, Plan, Reading};
use crate::clock::{MILLISECOND, now_ns};
use crate::report::Counts;

pub(crate) use crate::client::worker::read::CLOSED;

pub(crate) struct Worker<A> {
    place: Place,
    plan: Arc<Plan>,
    control: Arc<Control>,
    app: A,
    poll: Poll,
    timer: OwnedFd,
    timer_at: Option<u64>,
    links: Vec<Link>,
    buf: Vec<u8>,
    /// Longest message on the wire.
    message_max: usize,
    outbox: Outbox,
    opener: Opener,
    /// Connections that had more to read than one turn allows.
    unread: Vec<usize>,
    /// How live connections are read now.
    reading: Reading,
    /// When slow readers read next.
    sip_at: u64,
    /// The application has more to do at once.
    is_eager: bool,
    /// Connections that were begun, each time counted.
    begun: usize,
    /// Connections left with a close frame that is not answered yet.
    leaving: HashMap<usize, Leaving>,
    /// When they are cut, in the order of time; those that ended before are skipped when found.
    answers_due: VecDeque<(usize, u64)>,
    failures: Counts,
    pings: u64,
    /// What all TLS sessions have in common, where a target has TLS.
    tls: Option<Arc<ClientConfig>>,
    /// Where compression is asked for.
    inflater: Option<Inflater>,
}

/// What is to become of a connection that was left with a close frame.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    /// Without an answer by then it is cut.
    due: u64,
    /// When it is to be opened again.
    back_at: Option<u64>,
    /// The server's close frame has come.
    is_answered: bool,
}

/// What TLS sessions have in common, if any target has TLS.
fn tls_config(plan: &Plan) -> io::Result<Option<Arc<ClientConfig>>> {
    let has_tls = !plan.raw && plan.targets.iter().any(|target| target.tls);
    has_tls
        .then(tls::config)
        .transpose()
        .map_err(io::Error::other)
}

const DOORBELL: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);
const EVENTS_PER_TURN: usize = 1024;
/// Bytes of the read buffer beside one message: what many small messages are read in.
const READ_BYTES: usize = 64 << 10;
/// While connections are opened the clock is looked at this often.
const OPENING_PATIENCE: Duration = Duration::from_millis(20);

impl<A: App> Worker<A> {
    /// To be called on the thread itself, after its descriptor table was made.
    pub(crate) fn new(
        place: Place,
        plan: Arc<Plan>,
        control: Arc<Control>,
        app: A,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        let mut fds = vec![(timer.as_raw_fd(), TIMER)];
        fds.extend(
            control
                .doorbell(place.thread % control.threads())
                .map(|bell| (bell.as_raw_fd(), DOORBELL)),
        );
        for (fd, token) in fds {
            poll.registry()
                .register(&mut SourceFd(&fd), token, Interest::READABLE)?;
        }
        let message_max = plan.message_max();
        let link = |index| {
            let target = app.target(&plan, place.thread, index);
            Link::new(target.protocol, target.wire)
        };
        let links = (0..place.share(plan.conns)).map(link).collect();
        Ok(Self {
            place,
            app,
            poll,
            timer,
            timer_at: None,
            links,
            buf: vec![0; READ_BYTES + HEADER_BYTES_MAX + message_max],
            message_max,
            tls: tls_config(&plan)?,
            inflater: plan.deflate.then(Inflater::new),
            opener: Opener::new(plan.habits),
            reading: Reading::All,
            plan,
            control,
            outbox: Outbox::default(),
            unread: Vec::new(),
            sip_at: 0,
            is_eager: false,
            begun: 0,
            leaving: HashMap::new(),
            answers_due: VecDeque::new(),
            failures: Counts::new(),
            pings: 0,
        })
    }

    pub(crate) fn run(mut self) -> io::Result<Done<A>> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !self.control.is_stopping() {
            match self.poll.poll(&mut events, Some(self.patience())) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    DOORBELL | TIMER => {}
                    Token(index) => self.on_ready(index, event),
                }
            }
            for index in mem::take(&mut self.unread) {
                self.fill(index, true);
            }
            let now = now_ns();
            let sip = self.read_slowly(now);
            self.open(now);
            let next = self.app.on_turn(now, &mut self.outbox);
            self.outbox.flush(&mut self.links);
            for taken in self.outbox.take_taken() {
                let out = &mut self.outbox;
                self.app
                    .on_taken(taken.index, taken.bytes, taken.is_whole, out);
            }
            self.grant_wishes(now);
            let next = [next, sip].into_iter().flatten().min();
            self.is_eager = next.is_some_and(|at| at <= now) || self.outbox.has_taken();
            if !self.is_eager {
                self.set_timer(next)?;
            }
            self.gather();
        }
        Ok(Done {
            app: self.app,
            failures: self.failures,
            pings: self.pings,
            compressed: self.inflater.map(|all| all.came).unwrap_or_default(),
        })
    }

    /// Lets arrivals gather: the server then finds no thread asleep in epoll_wait(2) to wake, and
    /// the client has many events in a turn.
    fn gather(&self) {
        if self.plan.gather.is_zero() || self.opener.is_busy() || !self.unread.is_empty() {
            return;
        }
        // Cut short by a signal it is still a rest.
        drop(nanosleep(&timespec(self.plan.gather)));
    }

    fn patience(&self) -> Duration {
        if self.is_eager || !self.unread.is_empty() {
            return Duration::ZERO;
        }
        if let Some(at) = self.opener.next_at() {
            let ahead = Duration::from_nanos(at.saturating_sub(now_ns()));
            // At least a millisecond, which is what epoll_wait(2) counts in.
            return ahead.clamp(Duration::from_nanos(MILLISECOND), OPENING_PATIENCE);
        }
        if self.opener.is_busy() || !self.leaving.is_empty() {
            OPENING_PATIENCE
        } else {
            Duration::from_millis(500)
        }
    }

    fn on_ready(&mut self, index: usize, event: &Readiness) {
        if event.is_writable() && self.links[index].state != State::Connecting {
            self.links[index].flush_tls();
        }
        match self.links[index].state {
            State::Idle | State::Closed => return,
            State::Connecting => self.on_connected(index),
            State::Opening | State::Subscribing | State::Live | State::Leaving
                if event.is_writable() && self.outbox.is_blocked(index) =>
            {
                self.outbox.unblock(&mut self.links, index);
            }
            State::Opening | State::Subscribing | State::Live | State::Leaving => {}
        }
        if self.links[index].state == State::Live && self.reading != Reading::All {
            return;
        }
        let is_over = event.is_read_closed() || event.is_error();
        if self.links[index].state == State::Live && !self.app.reads(index) {
            if is_over {
                self.end(index, "closed by the server".to_owned());
            }
            return;
        }
        if event.is_readable() || is_over {
            self.fill(index, is_over);
        }
    }

    fn set_timer(&mut self, at: Option<u64>) -> io::Result<()> {
        if at == self.timer_at {
            return Ok(());
        }
        self.timer_at = at;
        let spec = Itimerspec {
            it_interval: Timespec::default(),
            // Zero disarms it, timerfd_settime(2); the epoch of the clock is long past.
            it_value: timespec(Duration::from_nanos(at.unwrap_or(0))),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec)?;
        Ok(())
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec::try_from(time).unwrap_or_default()
}
