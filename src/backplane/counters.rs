//! What an engine has done, for metrics.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Counts of one engine, since its start.
#[derive(Debug, Default)]
pub struct BackplaneCounters {
    pub(crate) gaps: AtomicU64,
    pub(crate) mended: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) undecoded: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    trips: AtomicU64,
    trip_micros: AtomicU64,
}

impl BackplaneCounters {
    /// Holes in what was pushed.
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Relaxed)
    }

    /// Ranges that were read again whole, for a hole or after a reconnect.
    pub fn mended(&self) -> u64 {
        self.mended.load(Relaxed)
    }

    /// Messages of topics without history that have not come.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Connections that were made again.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Relaxed)
    }

    /// Commands that Redis has refused, or not answered in time.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Messages that this version cannot read.
    pub fn undecoded(&self) -> u64 {
        self.undecoded.load(Relaxed)
    }

    /// Commands that are not answered.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Pipelines that were answered, and how long all together have taken.
    pub fn trips(&self) -> (u64, Duration) {
        let micros = self.trip_micros.load(Relaxed);
        (self.trips.load(Relaxed), Duration::from_micros(micros))
    }

    #[cfg_attr(
        not(feature = "cluster"),
        expect(dead_code, reason = "an engine counts")
    )]
    pub(crate) fn note_trip(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.trips.fetch_add(1, Relaxed);
        self.trip_micros.fetch_add(micros, Relaxed);
    }
}
