//! The thread that sends commands: many at once in one pipeline, in their order.

mod answers;
mod connection;

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ::redis::{Cmd, Value, cmd};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::backplane::BackplaneCounters;
use crate::client::core::random::Random;
use crate::config::HistorySettings;
use crate::handler::HistoryReply;
use crate::position::{Epoch, Position};
use crate::redis::envelope::{NodeId, encode};
use crate::redis::reader::Range;
use crate::redis::scripts::Scripts;
use crate::redis::settings::RedisSettings;
use crate::redis::{now, random, wait};
use crate::shard::mail::Outbound;
use crate::topic::Topic;

use crate::redis::commands::connection::Connection;

/// Commands in one pipeline at most.
const BATCH_MAX: usize = 256;
/// How often it is looked which publishes have waited too long, while Redis is away.
const TICK: Duration = Duration::from_millis(100);
/// Refusals are logged no more often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What is to be done in Redis.
#[derive(Debug)]
pub(crate) enum Job {
    Publish(Box<Outbound>, Instant),
    Read {
        topic: Topic,
        history: HistorySettings,
        since: Option<Position>,
        turn: u32,
    },
    Compare {
        topic: Topic,
        turn: u32,
    },
    Remove {
        topic: Topic,
        reply: HistoryReply,
        by: Instant,
    },
    Probe(u64),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It has this place, or none without history.
    Published(Box<Outbound>, Option<Position>),
    Range(Topic, u32, Range),
    /// `None`: Redis does not know the topic.
    Top(Topic, u32, Option<Position>),
    Removed(HistoryReply, Position),
    /// Nothing, or something that cannot be understood: its publisher's reply is dropped.
    Dropped,
    /// A probe was sent, or not.
    Probed,
    /// A question about a topic was not answered: it is to be asked again.
    Refused(Topic, u32),
}

/// The thread's own.
pub(crate) struct Commands {
    pub(crate) settings: RedisSettings,
    pub(crate) node: NodeId,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) answers: Sender<Answer>,
    /// Tells that there are answers.
    pub(crate) wake: Box<dyn Fn() + Send + Sync>,
    pub(crate) counters: Arc<BackplaneCounters>,
    /// When a refusal was logged last.
    pub(crate) told_at: Cell<Option<Instant>>,
}

impl Commands {
    /// Runs until nothing can send jobs any more, and none is left.
    pub(crate) fn run(self) {
        let scripts = Scripts::new();
        let mut random = random();
        let mut pending: VecDeque<Job> = VecDeque::new();
        let mut connection: Option<Connection> = None;
        let mut link = Link::default();
        loop {
            if pending.is_empty() {
                match self.jobs.recv() {
                    Ok(job) => pending.push_back(job),
                    Err(_) => return,
                }
            }
            pending.extend(self.jobs.try_iter());
            if connection.is_none() && link.retry_at.is_none_or(|at| at <= now()) {
                connection = self.connect(&scripts, &mut link, &mut random);
            }
            let Some(open) = &mut connection else {
                self.expire(&mut pending, &link);
                if self.await_jobs(&mut pending).is_err() {
                    return;
                }
                continue;
            };
            let count = pending.len().min(BATCH_MAX);
            let batch: Vec<Job> = pending.drain(..count).collect();
            if let Err((error, jobs)) = self.send(open, &scripts, batch, &mut random) {
                self.warn(format_args!("the connection to Redis has ended: {error}"));
                connection = None;
                link.down_since = Some(now());
                link.retry_at = Some(now() + wait(&mut random, 0));
                jobs.into_iter()
                    .rev()
                    .for_each(|job| pending.push_front(job));
            }
        }
    }

    fn connect(
        &self,
        scripts: &Scripts,
        link: &mut Link,
        random: &mut Random,
    ) -> Option<Connection> {
        match Connection::open(&self.settings, scripts) {
            Ok(connection) => {
                log::info!("commands go to Redis {}", connection.version());
                if link.down_since.is_some() {
                    self.counters.reconnects.fetch_add(1, Relaxed);
                }
                *link = Link::default();
                Some(connection)
            }
            Err(error) => {
                let text = error.to_string();
                if link.told.as_ref() != Some(&text) {
                    log::error!("{text}");
                    link.told = Some(text);
                }
                link.down_since.get_or_insert_with(now);
                link.retry_at = Some(now() + wait(random, link.attempt));
                link.attempt = link.attempt.saturating_add(1);
                None
            }
        }
    }

    /// Drops publishes that have waited too long; all, if Redis has been away that long.
    fn expire(&self, pending: &mut VecDeque<Job>, link: &Link) {
        let now = now();
        let since = link.down_since.unwrap_or(now);
        let is_late = since + self.settings.timeout <= now;
        let before = pending.len();
        pending.retain(|job| match job {
            Job::Publish(_, by) | Job::Remove { by, .. } => !is_late && now < *by,
            Job::Read { .. } | Job::Compare { .. } | Job::Probe(_) => true,
        });
        let dropped = before - pending.len();
        if dropped != 0 {
            self.counters.failed.fetch_add(dropped as u64, Relaxed);
            (0..dropped).for_each(|_| self.answer(Answer::Dropped));
            (self.wake)();
        }
    }

    fn await_jobs(&self, pending: &mut VecDeque<Job>) -> Result<(), RecvTimeoutError> {
        match self.jobs.recv_timeout(TICK) {
            Ok(job) => pending.push_back(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(gone) => return Err(gone),
        }
        Ok(())
    }

    /// Sends jobs in one pipeline, and tells what came of them.
    ///
    /// # Errors
    ///
    /// Those that may be sent again, if no answer came.
    fn send(
        &self,
        connection: &mut Connection,
        scripts: &Scripts,
        batch: Vec<Job>,
        random: &mut Random,
    ) -> Result<(), (String, Vec<Job>)> {
        let began = now();
        let commands = batch
            .iter()
            .map(|job| self.command(job, scripts, Epoch::new(random.number())));
        let answers = match connection.send(&commands.collect::<Vec<Cmd>>()) {
            Ok(answers) => answers,
            Err(error) => return Err((error, self.repeatable(batch))),
        };
        self.counters
            .note_trip(now().saturating_duration_since(began));
        let (mut again, mut code) = (Vec::new(), String::new());
        for (job, value) in batch.into_iter().zip(answers) {
            match connection::not_begun(&value) {
                Some(found) => {
                    found.clone_into(&mut code);
                    again.push(job);
                }
                None => self.settle(job, value),
            }
        }
        (self.wake)();
        if again.is_empty() {
            return Ok(());
        }
        // A new connection loads the scripts, and perhaps finds another server.
        Err((format!("{code}, what was not done is sent again"), again))
    }

    fn command(&self, job: &Job, scripts: &Scripts, epoch: Epoch) -> Cmd {
        let settings = &self.settings;
        match job {
            Job::Publish(outbound, _) => {
                scripts.publish(settings, outbound, &encode(outbound, self.node), epoch)
            }
            Job::Read {
                topic,
                history,
                since,
                ..
            } => scripts.range(settings, topic.name(), history, *since, epoch),
            Job::Compare { topic, .. } => scripts.top(settings, topic.name()),
            Job::Remove { topic, .. } => scripts.remove(settings, topic.name(), epoch),
            Job::Probe(number) => {
                let mut probe = cmd("PUBLISH");
                let channel = settings.probe_channel(self.node.0);
                probe.arg(channel).arg(format!("p{number};"));
                probe
            }
        }
    }

    /// Of jobs that were perhaps done, those that may be done again.
    fn repeatable(&self, batch: Vec<Job>) -> Vec<Job> {
        let mut repeatable = Vec::new();
        for job in batch {
            let may = match &job {
                Job::Publish(outbound, _) => outbound.once().is_some(),
                Job::Read { .. } | Job::Compare { .. } | Job::Remove { .. } | Job::Probe(_) => true,
            };
            if may {
                repeatable.push(job);
            } else {
                self.counters.failed.fetch_add(1, Relaxed);
                self.answer(Answer::Dropped);
            }
        }
        (self.wake)();
        repeatable
    }

    fn settle(&self, job: Job, value: Value) {
        if let Some(error) = connection::error_of(&value) {
            self.counters.failed.fetch_add(1, Relaxed);
            self.warn(format_args!("Redis refuses a command: {error}"));
        }
        self.answer(answers::read(job, &value, self.node));
    }

    /// Full, Redis refuses all: not each refusal is logged.
    fn warn(&self, text: fmt::Arguments<'_>) {
        let is_told = self.told_at.get().is_some_and(|at| now() < at + TELL_EVERY);
        if !is_told {
            self.told_at.set(Some(now()));
            log::warn!("{text}");
        }
    }

    fn answer(&self, answer: Answer) {
        // The engine ends before this thread.
        self.answers.send(answer).ok();
    }
}

/// How the last attempts went.
#[derive(Debug, Default)]
struct Link {
    attempt: u32,
    retry_at: Option<Instant>,
    down_since: Option<Instant>,
    /// What was logged, once.
    told: Option<String>,
}
