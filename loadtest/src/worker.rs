//! The event loop of one client thread: opens its connections, reads them, tells its application.
//!
//! Edge-triggered; a read ends at a short read, and only a hang-up makes it go on to the end,
//! epoll(7). All connections share one read buffer.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};
use rustix::thread::nanosleep;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::app::{App, Done, LinkName, Plan};
use crate::client::{self, Event, Link, State};
use crate::clock::{SECOND, now_ns};
use crate::control::Control;
use crate::frame::HEADER_BYTES_MAX;
use crate::opener::Opener;
use crate::outbox::Outbox;
use crate::socket;
use crate::url::Protocol;

/// One client thread.
#[derive(Debug)]
pub(crate) struct Worker<A> {
    thread: usize,
    plan: Arc<Plan>,
    control: Arc<Control>,
    app: A,
    poll: Poll,
    timer: OwnedFd,
    timer_at: Option<u64>,
    links: Vec<Link>,
    buf: Vec<u8>,
    outbox: Outbox,
    opener: Opener,
    /// Connections that had more to read than one turn allows.
    unread: Vec<usize>,
    failures: BTreeMap<String, u64>,
}

const DOORBELL: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);
const EVENTS_PER_TURN: usize = 1024;
/// Reads of one connection in a turn, so that one that never ends does not starve the others.
const READS_PER_TURN: usize = 8;
/// Bytes of the read buffer beside one message: what many small messages are read in.
const READ_BYTES: usize = 64 << 10;

impl<A: App> Worker<A> {
    /// To be called on the thread itself, after its descriptor table was made.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub(crate) fn new(
        thread: usize,
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
                .doorbell(thread)
                .map(|bell| (bell.as_fd().as_raw_fd(), DOORBELL)),
        );
        for (fd, token) in fds {
            poll.registry()
                .register(&mut SourceFd(&fd), token, Interest::READABLE)?;
        }
        let threads = control.threads();
        let links = (0..Plan::share(plan.conns, thread, threads))
            .map(|index| Link::new(plan.target(thread, index).protocol))
            .collect();
        Ok(Self {
            thread,
            app,
            poll,
            timer,
            timer_at: None,
            links,
            buf: vec![0; READ_BYTES + HEADER_BYTES_MAX + plan.payload_max],
            plan,
            control,
            outbox: Outbox::default(),
            opener: Opener::default(),
            unread: Vec::new(),
            failures: BTreeMap::new(),
        })
    }

    /// Runs until the crew is stopped.
    ///
    /// # Errors
    ///
    /// Polling failed; nothing a server does is an error here.
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
            self.open(now);
            let next = self.app.on_turn(now, &mut self.outbox);
            self.outbox.flush(&self.links);
            self.set_timer(next)?;
            self.gather();
        }
        Ok(Done {
            app: self.app,
            failures: self.failures,
        })
    }

    /// Lets arrivals gather: the server then finds nobody asleep in epoll_wait(2) to wake, and the
    /// client has many events in a turn.
    fn gather(&self) {
        if self.plan.gather.is_zero() || self.opener.is_busy() || !self.unread.is_empty() {
            return;
        }
        let nanos = i64::from(self.plan.gather.subsec_nanos());
        let rest = Timespec {
            tv_sec: 0,
            tv_nsec: nanos,
        };
        // Cut short by a signal it is still a rest.
        drop(nanosleep(&rest));
    }

    fn patience(&self) -> Duration {
        match (self.unread.is_empty(), self.opener.is_busy()) {
            (false, _) => Duration::ZERO,
            (true, true) => Duration::from_millis(20),
            (true, false) => Duration::from_millis(500),
        }
    }

    fn on_ready(&mut self, index: usize, event: &Readiness) {
        match self.links[index].state {
            State::Idle | State::Closed => return,
            State::Connecting => self.on_connected(index),
            State::Opening | State::Live
                if event.is_writable() && self.outbox.is_blocked(index) =>
            {
                self.outbox.unblock(&self.links, index);
            }
            State::Opening | State::Live => {}
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.fill(index, event.is_read_closed() || event.is_error());
        }
    }

    /// Reads a connection until a short read, or to the end after a hang-up.
    fn fill(&mut self, index: usize, to_the_end: bool) {
        for _ in 0..READS_PER_TURN {
            let link = &mut self.links[index];
            let kept = link.take_partial(&mut self.buf);
            let Some(fd) = &link.fd else { return };
            let room = self.buf.len() - kept;
            match recv(fd, &mut self.buf[kept..], RecvFlags::empty()) {
                Ok((_, 0)) => return self.end(index, "closed without a word".to_owned()),
                Ok((_, len)) => {
                    if !self.handle_bytes(index, kept + len) || (len < room && !to_the_end) {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return link.keep_partial(&self.buf[..kept]),
                Err(Errno::INTR) => link.keep_partial(&self.buf[..kept]),
                Err(error) => return self.end(index, io_label(error.into())),
            }
        }
        self.unread.push(index);
    }

    /// Gives the application what the first `len` bytes of the buffer hold; false if that was the
    /// connection's end.
    #[inline]
    fn handle_bytes(&mut self, index: usize, len: usize) -> bool {
        let now = now_ns();
        let Self {
            app,
            outbox,
            links,
            buf,
            plan,
            opener,
            control,
            ..
        } = self;
        let link = &mut links[index];
        let name = LinkName {
            index,
            protocol: link.protocol,
        };
        let result = link.handle_bytes(&buf[..len], plan.payload_max, |event| match event {
            Event::Message(payload) => app.on_message(name, payload, now, outbox),
            Event::Ping(payload) => outbox.pong(index, payload),
            Event::Live => {
                opener.succeeded();
                control.add_live(now);
                app.on_live(name, now, outbox);
            }
        });
        if outbox.len() > 0 {
            outbox.flush(links);
        }
        if let Err(ended) = result {
            self.end(index, ended.label());
            return false;
        }
        true
    }

    fn on_connected(&mut self, index: usize) {
        let link = &mut self.links[index];
        let Some(fd) = &link.fd else { return };
        if let Err(error) = sockopt::socket_error(fd).and_then(|result| result) {
            return self.end(index, io_label(error.into()));
        }
        link.state = State::Opening;
        if link.protocol == Protocol::WebSocket {
            let request = client::upgrade_request(self.plan.target(self.thread, index));
            self.outbox.raw(index, &request);
            self.outbox.flush(&self.links);
        }
    }

    /// A connection is over; before it was live, it may be tried again.
    #[cold]
    fn end(&mut self, index: usize, why: String) {
        let link = &mut self.links[index];
        let was_live = link.state == State::Live;
        *link = Link::new(link.protocol);
        link.state = State::Closed;
        self.outbox.forget(index);
        *self.failures.entry(why).or_default() += 1;
        if was_live {
            self.control.ended.fetch_add(1, Ordering::AcqRel);
        } else if self.opener.failed(index, now_ns()) {
            link.state = State::Idle;
        } else {
            self.control.gave_up.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn open(&mut self, now: u64) {
        let links = &self.links;
        let under_way =
            |index: usize| matches!(links[index].state, State::Connecting | State::Opening);
        if let Some(index) = self.opener.overdue(now, under_way) {
            self.end(index, "timed out while opening".to_owned());
        }
        let open_up_to = self.control.open_up_to.load(Ordering::Acquire);
        let open_up_to = usize::try_from(open_up_to)
            .unwrap_or(usize::MAX)
            .min(self.plan.conns);
        let share = Plan::share(open_up_to, self.thread, self.control.threads());
        while let Some(index) = self.opener.start(share, now) {
            if let Err(error) = self.connect(index) {
                self.end(index, io_label(error));
            }
        }
    }

    fn connect(&mut self, index: usize) -> io::Result<()> {
        let number = self.plan.first_source + index * self.control.threads() + self.thread;
        let source = socket::source(u32::try_from(number).unwrap_or(u32::MAX));
        let fd = socket::connect(self.plan.target(self.thread, index).addr, source)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut SourceFd(&fd.as_raw_fd()), Token(index), interest)?;
        let link = &mut self.links[index];
        link.fd = Some(fd);
        link.state = State::Connecting;
        Ok(())
    }

    fn set_timer(&mut self, at: Option<u64>) -> io::Result<()> {
        if at == self.timer_at {
            return Ok(());
        }
        self.timer_at = at;
        // Zero would disarm it, timerfd_settime(2); the epoch of the clock is long past.
        let at = at.unwrap_or(0);
        let time = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let it_value = Timespec {
            tv_sec: time(at / SECOND),
            tv_nsec: time(at % SECOND),
        };
        let it_interval = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let spec = Itimerspec {
            it_interval,
            it_value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec)?;
        Ok(())
    }
}

#[cold]
fn io_label(error: io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => "connection refused".to_owned(),
        Some(libc::ECONNRESET) => "reset by the server".to_owned(),
        Some(libc::ETIMEDOUT) => "timed out".to_owned(),
        Some(libc::EADDRNOTAVAIL) => "no source port left".to_owned(),
        Some(libc::EMFILE) => "descriptor limit reached".to_owned(),
        _ => error.to_string(),
    }
}
