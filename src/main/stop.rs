//! The stop of the program: an announcement, a drain, and an end in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use corecast::Handle;
use corecast::admin::log_queue::LogQueue;
use corecast::limits::LOG_PATIENCE;
use corecast::settings::Settings;

use crate::service::Manager;

/// What stops the program.
#[derive(Clone)]
pub(crate) struct Stop {
    pub(crate) handle: Handle,
    pub(crate) log: LogQueue,
    pub(crate) times: StopTimes,
    pub(crate) manager: Manager,
    /// A signal or an operator has begun it.
    pub(crate) has_begun: Arc<AtomicBool>,
}

/// The times of a stop, which a reload may change.
#[derive(Clone, Default)]
pub(crate) struct StopTimes(Arc<[AtomicU64; 2]>);

impl StopTimes {
    pub(crate) fn of(settings: &Settings) -> Self {
        let times = Self::default();
        times.set(settings);
        times
    }

    pub(crate) fn set(&self, settings: &Settings) {
        let times = [settings.drain_listen, Some(settings.config.drain_timeout)];
        for (place, time) in self.0.iter().zip(times) {
            let millis = time.unwrap_or_default().as_millis();
            place.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn get(&self) -> Times {
        let [listen, drain] = &*self.0;
        let time = |place: &AtomicU64| Duration::from_millis(place.load(Ordering::Relaxed));
        Times {
            listen: time(listen),
            drain: time(drain),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Times {
    /// Between the announcement of a drain and its beginning.
    listen: Duration,
    /// The maximum duration of the drain.
    drain: Duration,
}

impl Times {
    fn whole(&self) -> Duration {
        self.listen.saturating_add(self.drain)
    }
}

impl Stop {
    /// Announces a drain, and drains after the wait for that: on a thread of its own, so that a
    /// second signal is obeyed meanwhile. What has begun is not begun again.
    pub(crate) fn begin(&self) {
        if self.has_begun.swap(true, Ordering::Relaxed) {
            return;
        }
        self.handle.announce_drain();
        let stop = self.clone();
        let later = thread::Builder::new().name("drain".to_owned());
        if later.spawn(move || stop.run()).is_err() {
            self.handle.drain();
        }
    }

    fn run(&self) {
        self.manager.stopping(self.times.get().whole());
        self.wait(|times| times.listen);
        self.handle.drain();
        // The shards end by themselves before that, unless one is stuck. The margin is not part of
        // the wait: a reload that shortens the drain is not for the shards at once.
        self.wait(|times| times.drain);
        sleep(STUCK_MARGIN);
        if self.handle.is_stopped() {
            // Files are written, and what is left for other servers is given to them.
            sleep(REST_MARGIN);
            log::error!("the end of the server takes too long: exiting without it");
        } else {
            log::error!("a shard does not stop: exiting without it");
        }
        self.log.flush(LOG_PATIENCE);
        std::process::exit(1);
    }

    /// Waits for one of the times, also for one that a reload sets meanwhile: the shards do so too.
    fn wait(&self, time: impl Fn(Times) -> Duration) {
        let mut waited = Duration::ZERO;
        let mut told = self.times.get();
        loop {
            let times = self.times.get();
            if times != told {
                self.manager.stopping(times.whole());
                told = times;
            }
            let step = time(times).saturating_sub(waited).min(STEP);
            if step.is_zero() {
                return;
            }
            sleep(step);
            waited += step;
        }
    }
}

fn sleep(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread has nothing else to do"
    )]
    thread::sleep(time);
}

/// A drain that has not ended this long after its maximum does not end.
const STUCK_MARGIN: Duration = Duration::from_secs(2);
/// All that comes after the shards must have ended in this time.
const REST_MARGIN: Duration = Duration::from_secs(2);
/// How often the times are looked at.
const STEP: Duration = Duration::from_secs(1);
