//! The time of day, which nothing is measured by: it may go back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long ago 1970 began, by the host's clock; nothing if that was not set.
pub fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
