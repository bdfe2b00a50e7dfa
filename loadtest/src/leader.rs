//! What the main thread of a run does: wait for its threads, see that they get on, show it.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::clock::{MILLISECOND, SECOND, now_ns};
use crate::control::{Control, News};

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

/// The main thread of a run.
#[derive(Debug)]
pub(crate) struct Leader {
    /// For the threads.
    pub(crate) sender: Sender<News>,
    news: Receiver<News>,
    /// Nanoseconds without progress that end a wait.
    timeout: u64,
    line: Line,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// What was waited for came.
    Done,
    /// Nothing moved for too long.
    Stalled,
}

/// Once connections have been lost there is little left to wait for.
const GRACE_NS: u64 = 2 * SECOND;
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl Leader {
    /// Ends waits after `timeout_s` seconds without progress.
    pub(crate) fn new(timeout_s: f64) -> Self {
        let (sender, news) = unbounded();
        let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::MAX);
        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Self {
            sender,
            news,
            timeout,
            line: Line::default(),
        }
    }

    /// Waits until all of `conns` are live; a stall or any that is given up ends the wait.
    ///
    /// # Errors
    ///
    /// A thread failed.
    pub(crate) fn wait_live(
        &mut self,
        control: &Control,
        conns: u64,
        what: &str,
    ) -> Result<Waited, RunError> {
        let load = |counter: &std::sync::atomic::AtomicU64| {
            counter.load(std::sync::atomic::Ordering::Acquire)
        };
        self.wait(LOOK_EVERY, |leader| {
            let (live, gave_up) = (load(&control.live), load(&control.gave_up));
            leader
                .line
                .show(|| format!("{what}: {live} of {conns} live, {gave_up} given up"));
            let settled = live + gave_up >= conns;
            (
                live + gave_up,
                settled.then_some(if gave_up == 0 {
                    Waited::Done
                } else {
                    Waited::Stalled
                }),
                false,
            )
        })
    }

    /// Waits until a number has reached what is `wanted`; `lost` as for [`Self::wait_done`].
    ///
    /// # Errors
    ///
    /// A thread failed.
    pub(crate) fn wait_for(
        &mut self,
        what: &str,
        wanted: u64,
        progress: impl Fn() -> u64,
        lost: impl Fn() -> bool,
    ) -> Result<Waited, RunError> {
        self.wait(LOOK_EVERY, |leader| {
            let now = progress();
            leader.line.show(|| format!("{what}: {now} of {wanted}"));
            (now, (now >= wanted).then_some(Waited::Done), lost())
        })
    }

    /// Waits until a thread says that all is done. `progress` is any number that moves while
    /// things go on; `lost` whether something was lost that makes the end unlikely.
    ///
    /// # Errors
    ///
    /// A thread failed.
    pub(crate) fn wait_done(
        &mut self,
        what: &str,
        progress: impl Fn() -> u64,
        lost: impl Fn() -> bool,
    ) -> Result<Waited, RunError> {
        self.wait(10 * LOOK_EVERY, |leader| {
            let now = progress();
            leader.line.show(|| format!("{what}: {now}"));
            (now, None, lost())
        })
    }

    /// Lets this much time pass.
    ///
    /// # Errors
    ///
    /// A thread failed.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), RunError> {
        match self.news.recv_timeout(time) {
            Ok(News::Trouble(why)) => Err(RunError::Failed(why)),
            Ok(News::Done) | Err(_) => Ok(()),
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
                Ok(News::Done) => return Ok(Waited::Done),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let (current, waited, lost) = look(self);
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

/// One line on a terminal that is written over and over.
#[derive(Debug, Default)]
struct Line {
    shown_at: u64,
    is_dirty: bool,
}

impl Line {
    fn show(&mut self, text: impl FnOnce() -> String) {
        let now = now_ns();
        if now - self.shown_at < 200 * MILLISECOND {
            return;
        }
        self.shown_at = now;
        let mut terminal = stderr();
        if terminal.is_terminal() {
            self.is_dirty = true;
            // A terminal that went away is no reason to end a run.
            drop(write!(terminal, "\r\x1b[K{}", text()));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_dirty {
            drop(write!(stderr(), "\r\x1b[K"));
        }
    }
}
