//! The stop of the program: an announcement, a drain, and an end in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

    /// The time between the announcement of a drain and its beginning, and the maximum duration of
    /// the drain.
    fn get(&self) -> (Duration, Duration) {
        let [listen, drain] = &*self.0;
        let time = |place: &AtomicU64| Duration::from_millis(place.load(Ordering::Relaxed));
        (time(listen), time(drain))
    }
}

impl Stop {
    /// Announces a drain, and drains after the wait for that: on a thread of its own, so that a
    /// second signal is obeyed meanwhile.
    pub(crate) fn begin(&self) {
        let (listen, limit) = self.times.get();
        self.manager.stopping(listen.saturating_add(limit));
        self.handle.announce_drain();
        let stop = self.clone();
        let later = thread::Builder::new().name("drain".to_owned());
        let spawned = later.spawn(move || {
            sleep(listen);
            stop.handle.drain();
            // The shards end by themselves before that, unless one is stuck.
            sleep(limit.saturating_add(STUCK_MARGIN));
            log::error!("a shard does not stop: exiting without it");
            stop.log.flush(LOG_PATIENCE);
            std::process::exit(1);
        });
        if spawned.is_err() {
            self.handle.drain();
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
