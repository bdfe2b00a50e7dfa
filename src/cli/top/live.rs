//! The view on a screen: threads ask, so that keys are obeyed while a shard does not answer.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, unbounded};
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGINT, SIGTERM, SIGWINCH};
use signal_hook::low_level::pipe;

use crate::cli::Failure;
use crate::cli::stop::Stop;
use crate::cli::top::Order;
use crate::cli::top::answers::{Lists, Stats};
use crate::cli::top::ask::{Admin, Trouble};
use crate::cli::top::page::{Notes, page};
use crate::cli::top::screen::Screen;
use crate::cli::top::view::View;

/// What is known, and shown.
struct Live {
    screen: Screen,
    view: View,
    before: Stats,
    lists: Option<Lists>,
    notes: Notes,
    news: Receiver<News>,
    orders: Sender<Order>,
    wake: UnixStream,
}

enum News {
    Stats(Result<Stats, Trouble>),
    Lists(Order, Result<Lists, Trouble>),
}

/// Shows the view until `q` or a signal; `first` was answered before.
pub(super) fn run(
    admin: &Admin,
    first: Stats,
    notes: Notes,
    interval: Duration,
    stop: &Stop,
) -> Result<(), Failure> {
    let failed = |err: io::Error| Failure::failed(format!("cannot use the terminal: {err}"));
    let (wake, waker) = UnixStream::pair().map_err(failed)?;
    for end in [&wake, &waker] {
        end.set_nonblocking(true).map_err(failed)?;
    }
    for signal in [SIGWINCH, SIGINT, SIGTERM] {
        let waker = waker.try_clone().map_err(failed)?;
        pipe::register(signal, waker).map_err(failed)?;
    }
    let (sender, news) = unbounded();
    let (orders, asked) = bounded(1);
    let order = notes.order;
    let asks = Asks {
        admin: admin.clone(),
        news: sender,
        waker,
        interval,
    };
    asks.begin(order, asked).map_err(failed)?;
    let mut live = Live {
        screen: Screen::enter().map_err(failed)?,
        view: View::of(&first, None),
        before: first,
        lists: None,
        notes,
        news,
        orders,
        wake,
    };
    let ended = live.run(stop);
    // The terminal is given back before anything is said.
    drop(live);
    ended
}

impl Live {
    fn run(&mut self, stop: &Stop) -> Result<(), Failure> {
        while !stop.is_asked() {
            let drawn = self.draw().and_then(|()| self.wait());
            let has_keys = drawn.map_err(|err| Failure::failed(format!("the terminal: {err}")))?;
            if has_keys && !self.obey_keys() {
                break;
            }
            while let Ok(news) = self.news.try_recv() {
                self.take(news)?;
            }
        }
        Ok(())
    }

    fn draw(&self) -> io::Result<()> {
        let view = match self.lists.clone() {
            Some(lists) => self.view.clone().with(lists),
            None => self.view.clone(),
        };
        let lines = page(&view, &self.notes, self.screen.size());
        self.screen.draw(&lines)
    }

    /// Waits until there is something to do; whether keys were pressed.
    fn wait(&mut self) -> io::Result<bool> {
        let stdin = io::stdin();
        let mut waits = vec![PollFd::new(&self.wake, PollFlags::IN)];
        if self.screen.has_keys() {
            let fd = stdin.as_fd();
            waits.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        }
        match poll(&mut waits, None) {
            Err(err) if err != rustix::io::Errno::INTR => return Err(err.into()),
            _ => {}
        }
        let has_keys = waits.get(1).is_some_and(|it| !it.revents().is_empty());
        drop(waits);
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(1..)) {}
        Ok(has_keys)
    }

    /// Does what keys say; whether to go on.
    fn obey_keys(&mut self) -> bool {
        let mut keys = [0; 64];
        // The terminal has some, or is gone.
        let Ok(len @ 1..) = rustix::io::read(io::stdin(), &mut keys) else {
            return false;
        };
        for key in &keys[..len] {
            match key {
                b'q' | b'Q' => return false,
                b's' => {
                    self.notes.order = self.notes.order.next();
                    // One that is not taken yet is the newest but one.
                    self.orders.try_send(self.notes.order).ok();
                }
                _ => {}
            }
        }
        true
    }

    fn take(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Stats(Ok(stats)) => {
                self.view = View::of(&stats, Some(&self.before));
                self.before = stats;
                self.notes.trouble = None;
            }
            News::Lists(order, _) if order != self.notes.order => {
                self.orders.try_send(self.notes.order).ok();
            }
            News::Lists(_, Ok(lists)) => {
                self.lists = Some(lists);
                self.notes.no_lists = None;
            }
            News::Stats(Err(never @ Trouble::Never(_)))
            | News::Lists(_, Err(never @ Trouble::Never(_))) => return Err(never.into()),
            News::Stats(Err(Trouble::Later(why))) => {
                self.notes.trouble = Some(format!("{why}; asking again"));
            }
            News::Lists(_, Err(Trouble::Later(why))) => self.notes.no_lists = Some(why),
        }
        Ok(())
    }
}

/// What the threads that ask share.
struct Asks {
    admin: Admin,
    news: Sender<News>,
    waker: UnixStream,
    interval: Duration,
}

impl Asks {
    /// Begins to ask, for numbers and for lists apart. The threads end with the process.
    fn begin(self, mut order: Order, asked: Receiver<Order>) -> io::Result<()> {
        let mut lists = Self {
            admin: self.admin.clone(),
            news: self.news.clone(),
            waker: self.waker.try_clone()?,
            interval: self.interval,
        };
        let mut stats = self;
        thread::Builder::new().spawn(move || {
            loop {
                never::<Order>().recv_timeout(stats.interval).ok();
                let answer = stats.admin.stats();
                if !stats.tell(News::Stats(answer)) {
                    return;
                }
            }
        })?;
        thread::Builder::new().spawn(move || {
            loop {
                let answer = lists.admin.lists(order);
                if !lists.tell(News::Lists(order, answer)) {
                    return;
                }
                match asked.recv_timeout(lists.interval) {
                    Ok(asked) => order = asked,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(())
    }

    /// Whether the view still listens.
    fn tell(&mut self, news: News) -> bool {
        let is_told = self.news.send(news).is_ok();
        // It is awake already if there is no space.
        self.waker.write_all(b".").ok();
        is_told
    }
}
