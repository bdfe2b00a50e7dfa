//! What the service manager that started the program is told.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use corecast::Handle;
use corecast::admin::Watch;
use corecast::sys::service::notify::{Notifier, reloading, watchdog};
use corecast::sys::startup::while_starting;

/// The service manager, if one has started the program and wants to be told.
#[derive(Clone)]
pub(crate) struct Manager {
    notifier: Option<Arc<Notifier>>,
    /// It was told so; after that, it is not told of reloads.
    stops: Arc<AtomicBool>,
}

impl Manager {
    pub(crate) fn of_environment() -> Self {
        let notifier = Notifier::from_env().unwrap_or_else(|err| {
            log::warn!("the service manager cannot be told anything (NOTIFY_SOCKET): {err}");
            None
        });
        Self {
            notifier: notifier.map(Arc::new),
            stops: Arc::default(),
        }
    }

    /// The server serves, with all that it was given last.
    pub(crate) fn ready(&self) {
        self.tell_unless_stopping("READY=1\nSTATUS=serving");
    }

    /// A reload begins; it ends with [`ready`](Self::ready), whatever came of it.
    pub(crate) fn reloading(&self) {
        self.tell_unless_stopping(&reloading());
    }

    /// The server stops, which may take this long.
    pub(crate) fn stopping(&self, limit: Duration) {
        let micros = limit.saturating_add(STOP_MARGIN).as_micros();
        self.stops.store(true, Ordering::Relaxed);
        self.tell(&format!(
            "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC={micros}"
        ));
    }

    /// Starts a thread that gives signs of life as long as no shard is stuck, if the manager waits
    /// for them.
    pub(crate) fn watch(&self, handle: Handle) -> io::Result<()> {
        let (Some(limit), Some(_)) = (watchdog(), &self.notifier) else {
            return Ok(());
        };
        let manager = self.clone();
        let mut watch = Watch::new(handle);
        let thread = thread::Builder::new().name("watchdog".to_owned());
        let spawned = thread.spawn(move || {
            loop {
                match watch.stuck() {
                    None => manager.tell("WATCHDOG=1"),
                    Some((shard, age)) => log::error!(
                        "shard {shard} has had no turn for {} s: the watchdog is told nothing",
                        age.as_secs()
                    ),
                }
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this thread has nothing else to do"
                )]
                thread::sleep((limit / 3).min(WATCH_STEP));
            }
        });
        spawned.map_err(|err| while_starting("cannot start the watchdog thread", &err))?;
        Ok(())
    }

    /// A stop that was announced is not taken back by a reload that ends after it. One that ends at
    /// the same moment does no harm: the manager takes no news of it in a stop.
    fn tell_unless_stopping(&self, state: &str) {
        if !self.stops.load(Ordering::Relaxed) {
            self.tell(state);
        }
    }

    fn tell(&self, state: &str) {
        if let Some(notifier) = &self.notifier
            && let Err(err) = notifier.send(state)
        {
            log::warn!("the service manager was not told {state:?}: {err}");
        }
    }
}

/// A stop is over some time after the last connection was cut: rooms end, and the log is written.
const STOP_MARGIN: Duration = Duration::from_secs(5);
/// The shards are looked at this often, or more often.
const WATCH_STEP: Duration = Duration::from_secs(1);
