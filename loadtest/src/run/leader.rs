//! What the main thread of a run does: wait for its threads, see that they get on, show it, and
//! take the samples of the series.

use std::io::{Write, stderr};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::client::control::{Control, News, load};
use crate::clock::{SECOND, nanos, now_ns};
use crate::flags::{ClientArgs, DeadlineArgs};
use crate::run::series::{Pulse, Sampler, Series, Watch};
use crate::run::show::{Show, Stage};

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The flags ask for something impossible.
    Usage(String),
    /// The run could not be made.
    Failed(String),
}

impl From<std::io::Error> for RunError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

pub(crate) struct Leader {
    pub(crate) sender: Sender<News>,
    news: Receiver<News>,
    /// Nanoseconds without progress that end a wait.
    timeout: u64,
    /// Nanoseconds that the message phase may take.
    deadline: u64,
    show: Show,
    sampler: Sampler,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Done,
    /// Nothing moved for too long, or there was no more time.
    Stalled,
}

impl Waited {
    /// What comes next, if this is done.
    pub(crate) fn then(
        self,
        next: impl FnOnce() -> Result<Self, RunError>,
    ) -> Result<Self, RunError> {
        match self {
            Self::Done => next(),
            Self::Stalled => Ok(self),
        }
    }
}

/// Once connections have been lost there is little left to wait for.
const GRACE_NS: u64 = 2 * SECOND;
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl Leader {
    /// Ends waits after `--timeout` seconds without progress.
    pub(crate) fn new(args: &ClientArgs) -> Self {
        let (sender, news) = unbounded();
        Self {
            sender,
            news,
            timeout: nanos(args.timeout),
            deadline: u64::MAX,
            show: Show::new(args.quiet),
            sampler: Sampler::new(args.sample_every),
        }
    }

    /// Ends [`Self::wait_done`] after `--deadline` seconds, however well things go on.
    pub(crate) fn set_deadline(&mut self, phase: &DeadlineArgs) {
        self.deadline = phase.deadline.map_or(u64::MAX, nanos);
    }

    /// For the meters of threads, whose latencies are to be in the series.
    pub(crate) fn pulse(&self) -> &Pulse {
        self.sampler.pulse()
    }

    /// Begins the series; the first of the counters is the one that is shown.
    pub(crate) fn watch(&mut self, watch: Watch) {
        self.sampler.watch(watch);
    }

    /// Something begins: a line in the charts. With the server's memory where it was read.
    pub(crate) fn mark(&mut self, name: &'static str, server_pss_bytes: Option<u64>) {
        self.sampler.mark(name, server_pss_bytes);
    }

    /// Ends the series, once all threads have ended.
    pub(crate) fn finish(self) -> Series {
        self.sampler.finish()
    }

    /// Waits until all of `conns` are live; a stall or any that is given up ends the wait.
    pub(crate) fn wait_live(
        &mut self,
        control: &Control,
        conns: u64,
        what: &str,
    ) -> Result<Waited, RunError> {
        self.wait(LOOK_EVERY, |leader| {
            let (live, gave_up) = (load(&control.live), load(&control.gave_up));
            leader.show.at(Stage::of(what, conns), live);
            let settled = live + gave_up >= conns;
            let waited = match gave_up {
                0 => Waited::Done,
                _ => Waited::Stalled,
            };
            (live + gave_up, settled.then_some(waited), false)
        })
    }

    /// Waits until a number has reached what is `wanted`; `lost` as for [`Self::wait_done`].
    pub(crate) fn wait_for(
        &mut self,
        what: &str,
        wanted: u64,
        progress: impl Fn() -> u64,
        lost: impl Fn() -> bool,
    ) -> Result<Waited, RunError> {
        self.wait(LOOK_EVERY, |leader| {
            let now = progress();
            leader.show.at(Stage::of(what, wanted), now);
            (now, (now >= wanted).then_some(Waited::Done), lost())
        })
    }

    /// Waits until a thread says that all is done. `progress` is any number that moves while
    /// things go on; `lost` whether something was lost that makes the end unlikely.
    pub(crate) fn wait_done<'a>(
        &mut self,
        stage: impl Into<Stage<'a>>,
        progress: impl Fn() -> u64,
        lost: impl Fn() -> bool,
    ) -> Result<Waited, RunError> {
        let (stage, start) = (stage.into(), now_ns());
        self.wait(10 * LOOK_EVERY, |leader| {
            let now = progress();
            leader.show.at(stage, now);
            let is_over = now_ns() - start > leader.deadline;
            (now, is_over.then_some(Waited::Stalled), lost())
        })
    }

    /// What a thread has failed with, if any has.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.news.try_iter().find_map(|news| match news {
            News::Trouble(why) | News::Lost(why) => Some(why),
            News::Done => None,
        })
    }

    pub(crate) fn pause(&mut self, time: Duration) -> Result<(), RunError> {
        self.pause_unless(time, || false)
    }

    /// Lets this much time pass, or less if there is nothing more to wait for.
    pub(crate) fn pause_unless(
        &mut self,
        time: Duration,
        is_over: impl Fn() -> bool,
    ) -> Result<(), RunError> {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let end = now_ns().saturating_add(nanos);
        loop {
            let left = Duration::from_nanos(end.saturating_sub(now_ns()));
            match self.news.recv_timeout(left.min(10 * LOOK_EVERY)) {
                Ok(News::Trouble(why)) => return Err(RunError::Failed(why)),
                Ok(News::Lost(why)) => {
                    tell(&why);
                    return Ok(());
                }
                Ok(News::Done) | Err(_) => self.sampler.look(),
            }
            if left.is_zero() || is_over() {
                return Ok(());
            }
        }
    }

    fn wait(
        &mut self,
        every: Duration,
        mut look: impl FnMut(&mut Self) -> (u64, Option<Waited>, bool),
    ) -> Result<Waited, RunError> {
        let (mut progress, mut moved_at) = (0, now_ns());
        loop {
            match self.news.recv_timeout(every) {
                Ok(News::Trouble(why)) => return Err(RunError::Failed(why)),
                Ok(News::Lost(why)) => {
                    tell(&why);
                    return Ok(Waited::Stalled);
                }
                Ok(News::Done) => return Ok(Waited::Done),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let (current, waited, lost) = look(self);
            self.sampler.look();
            if let Some(waited) = waited {
                return Ok(waited);
            }
            let now = now_ns();
            if current != progress {
                (progress, moved_at) = (current, now);
            }
            let patience = if lost {
                self.timeout.min(GRACE_NS)
            } else {
                self.timeout
            };
            if now - moved_at > patience {
                return Ok(Waited::Stalled);
            }
        }
    }
}

/// Says at once what ends a run before its time.
fn tell(what: &str) {
    // A terminal that went away is told by the report.
    drop(writeln!(stderr(), "loadtest: {what}; the run ends"));
}
