//! The one clock of the program: nanoseconds of `CLOCK_MONOTONIC`. And the date, for reports.
//!
//! A plain number, so that it can travel inside a message and be compared across threads.

use std::time::Duration;

use jiff::Timestamp;
use rustix::thread::nanosleep;
use rustix::time::{ClockId, Timespec, clock_gettime};

pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Nanoseconds since an arbitrary point, the same one for all processes of this host.
#[inline]
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * SECOND + nanos
}

/// Seconds between two readings, zero if they are the wrong way round.
pub(crate) fn seconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / SECOND as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and 584 years fit"
)]
pub(crate) fn nanos(seconds: f64) -> u64 {
    (seconds * SECOND as f64) as u64
}

/// A time in nanoseconds.
pub(crate) fn nanos_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Lets this much time pass. Cut short by a signal it is still a rest.
pub(crate) fn rest(time: Duration) {
    drop(nanosleep(&Timespec::try_from(time).unwrap_or_default()));
}

/// The time of day in seconds since 1970.
pub(crate) fn wall_secs() -> u64 {
    Timestamp::now().as_second().try_into().unwrap_or(0)
}

/// The time of day, as `2026-01-31T12:00:00Z`.
pub(crate) fn wall_clock() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
