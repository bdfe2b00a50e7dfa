//! SIGINT and SIGTERM, for commands that go on until then.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::Failure;

/// Whether a signal has asked the command to end. A second one ends it at once.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(in crate::cli) fn register() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        let register = |signal| -> io::Result<()> {
            // In this order, so that the first signal does not exit.
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked)).map(drop)
        };
        let registered = register(SIGINT).and_then(|()| register(SIGTERM));
        registered.map_err(|err| Failure::failed(format!("cannot register signals: {err}")))?;
        Ok(Self(asked))
    }

    pub(in crate::cli) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
