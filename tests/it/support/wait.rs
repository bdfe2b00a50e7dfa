//! Waiting: for a condition, with a limit that only a broken server reaches.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = in_a_while();
    while !condition() {
        assert!(now() < deadline, "waited in vain: {what}");
        // Nothing unparks it: it only gives the processor to the threads waited for.
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// A deadline for what must come.
pub(crate) fn in_a_while() -> Instant {
    now() + PATIENCE
}

/// What the clock says.
pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "tests wait with a limit")]
    let now = Instant::now();
    now
}
