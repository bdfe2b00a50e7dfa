//! The thread of the backplane: it has the readers of all attached topics, and is told by two other
//! threads what Redis has answered (`commands`) and pushed (`subscription`).

mod channels;
mod mail;
mod probe;
mod questions;

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::backplane::{Backplane, BackplaneCounters, Link};
use crate::redis::commands::{Answer, Commands, Job};
use crate::redis::engine::channels::Channels;
use crate::redis::engine::probe::Probe;
use crate::redis::envelope::NodeId;
use crate::redis::reader::{Action, Found};
use crate::redis::settings::RedisSettings;
use crate::redis::subscription::{self, Event, Subscription};
use crate::redis::{now, random};
use crate::shard::mail::Inward;
use crate::topic::Topic;

/// Pushed messages that wait for the engine, at most; then the connection is not read.
const EVENTS_MAX: usize = 8192;
/// Publishes that are not answered, at most; then mail stays with the homes.
const PUBLISHES_MAX: u64 = 4096;
/// Ranges and places of topics that are asked for at once, at most.
const QUESTIONS_MAX: usize = 64;
/// Channels in one command.
const ORDERS_MAX: usize = 512;
/// Commands of that kind before something else has its turn.
const ORDERS_AT_ONCE: usize = 8;
/// What is done of one kind before another has its turn.
const TURN: usize = 1024;
/// How long nothing is looked at if nothing happens.
const TICK: Duration = Duration::from_millis(200);
/// When a question that Redis has refused is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// The engine on Redis.
#[derive(Debug)]
pub struct RedisBackplane {
    settings: RedisSettings,
    counters: Arc<BackplaneCounters>,
}

impl RedisBackplane {
    /// One that reaches Redis so.
    #[must_use]
    pub fn new(settings: RedisSettings) -> Self {
        Self {
            settings,
            counters: Arc::default(),
        }
    }

    /// What it has done, for metrics.
    #[must_use]
    pub fn counters(&self) -> Arc<BackplaneCounters> {
        Arc::clone(&self.counters)
    }
}

impl Backplane for RedisBackplane {
    fn run(self: Box<Self>, link: Box<dyn Link>) {
        let Self { settings, counters } = *self;
        let node = NodeId(random().number());
        let (jobs, job_receiver) = unbounded();
        let (answer_sender, answers) = unbounded();
        let (event_sender, events) = bounded(EVENTS_MAX);
        let commands = Commands {
            settings: settings.clone(),
            node,
            jobs: job_receiver,
            answers: answer_sender,
            wake: link.waker(),
            counters: Arc::clone(&counters),
            told_at: Cell::default(),
        };
        let subscription = Subscription {
            settings: settings.clone(),
            events: event_sender,
            wake: link.waker(),
        };
        let threads = [
            spawn("corecast-redis", move || commands.run()),
            spawn("corecast-redis-sub", move || subscription.run()),
        ];
        if threads.iter().any(Option::is_none) {
            return;
        }
        let mut engine = Engine {
            settings,
            counters,
            node,
            link,
            jobs,
            answers,
            events,
            channels: Channels::default(),
            stream: None,
            was_connected: false,
            publishes: 0,
            questions: 0,
            asked: VecDeque::new(),
            again: VecDeque::new(),
            probe: Probe::new(now()),
            found: Found::default(),
        };
        engine.serve();
        engine.finish();
        // Its thread sees that nothing takes the events any more.
        drop(engine);
        threads.into_iter().flatten().for_each(|it| it.unpark());
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Option<thread::Thread> {
    let run = move || {
        crate::sys::signals::block_all();
        run();
    };
    match thread::Builder::new().name(name.to_owned()).spawn(run) {
        Ok(handle) => Some(handle.thread().clone()),
        Err(error) => {
            log::error!("cannot start a thread of the backplane: {error}");
            None
        }
    }
}

/// What the thread has.
struct Engine {
    settings: RedisSettings,
    counters: Arc<BackplaneCounters>,
    node: NodeId,
    link: Box<dyn Link>,
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    events: Receiver<Event>,
    channels: Channels,
    /// For what is to be subscribed to.
    stream: Option<TcpStream>,
    /// There was one before.
    was_connected: bool,
    /// Publishes that are not answered.
    publishes: u64,
    /// Questions that are not answered.
    questions: usize,
    /// Those that are still to be asked.
    asked: VecDeque<(Topic, Action)>,
    /// Those that were refused.
    again: VecDeque<(Instant, Topic, u32)>,
    probe: Probe,
    found: Found,
}

impl Engine {
    fn serve(&mut self) {
        while !self.link.is_stopped() {
            let did = self.take_answers() + self.take_events() + self.take_mail();
            self.order();
            self.ask();
            let now = now();
            self.ask_again(now);
            self.look(now);
            self.publish_counters();
            // Without a connection, what is to be subscribed to waits for one.
            let has_orders = self.stream.is_some() && self.channels.has_orders();
            if did == 0 && !has_orders {
                self.link.wait(now + TICK);
            }
        }
    }

    /// The server has stopped: what it has published is still to be ordered.
    fn finish(&mut self) {
        let end = now() + self.settings.timeout;
        loop {
            let did = self.take_answers() + self.take_mail();
            if did == 0 && self.publishes == 0 || end <= now() {
                break;
            }
            if did == 0 {
                thread::park_timeout(Duration::from_millis(5));
            }
        }
        if let Some(stream) = self.stream.take() {
            subscription::end(&stream);
        }
    }

    fn publish_counters(&mut self) {
        let Found { gaps, mended, lost } = std::mem::take(&mut self.found);
        let counters = &self.counters;
        for (counter, count) in [
            (&counters.gaps, gaps),
            (&counters.mended, mended),
            (&counters.lost, lost),
        ] {
            if count != 0 {
                counter.fetch_add(count, Relaxed);
            }
        }
        let in_flight = self.publishes + self.questions as u64;
        counters.in_flight.store(in_flight, Relaxed);
    }

    /// Writes what is to be subscribed to, and what is not any more.
    fn order(&mut self) {
        let Some(stream) = &self.stream else {
            return;
        };
        for _ in 0..ORDERS_AT_ONCE {
            let unwanted = self.channels.take_unwanted(ORDERS_MAX);
            let wanted = self.channels.take_wanted(ORDERS_MAX);
            for (verb, topics) in [("UNSUBSCRIBE", unwanted), ("SUBSCRIBE", wanted)] {
                let names = topics.iter().map(|topic| self.settings.channel(topic));
                let names: Vec<String> = names.collect();
                if !names.is_empty() {
                    subscription::order(stream, verb, &names);
                }
            }
        }
    }

    fn give(&self, job: Job) {
        // The thread ends after this one.
        self.jobs.send(job).ok();
    }

    /// Looks whether subscriptions live.
    fn look(&mut self, now: Instant) {
        let Some(stream) = &self.stream else {
            return;
        };
        match self.probe.look(now, &self.settings) {
            probe::Look::Good => {}
            probe::Look::Send(number) => self.give(Job::Probe(number)),
            probe::Look::Dead => {
                log::warn!("the subscriptions are dead: no answer to a probe");
                subscription::end(stream);
                self.stream = None;
            }
        }
    }

    /// Gives mail to a home. While that has no space, nothing else is read: so Redis, which has a
    /// bound of its own, holds it.
    fn deliver(&self, mut mail: Inward) {
        loop {
            let by = now() + AGAIN;
            match self.link.send(mail, by) {
                Err(back) if by <= now() => mail = back,
                // It was refused before the deadline: the home has ended.
                Ok(()) | Err(_) => return,
            }
        }
    }

    fn take_answers(&mut self) -> usize {
        let answers: Vec<Answer> = self.answers.try_iter().take(TURN).collect();
        let count = answers.len();
        answers.into_iter().for_each(|it| self.take_answer(it));
        count
    }
}
