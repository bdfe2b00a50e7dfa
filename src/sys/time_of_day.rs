//! The time of day. It is not used to measure times, because it may go back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since the beginning of 1970 by the host's clock; zero if the clock is not set.
pub fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
