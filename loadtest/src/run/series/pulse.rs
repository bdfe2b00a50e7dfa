//! How client threads hand over the latencies of each interval without waiting for anyone.
//!
//! The leader counts intervals in a number that all threads read. A thread that sees a new number
//! sends what it recorded until then and begins anew, so a thread that sleeps tells late but tells
//! right.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::run::record::Recorder;

/// The number of an interval, and the latencies of one thread in it.
pub(crate) type Part = (u64, Recorder);

/// Counts intervals, and gives out meters.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    interval: Arc<AtomicU64>,
    parts: Sender<Part>,
}

/// Records the latencies of one thread, as a whole and by interval.
pub(crate) struct Meter {
    interval: u64,
    current: Recorder,
    total: Recorder,
    pulse: Pulse,
}

impl Pulse {
    /// One, and where its meters hand over.
    pub(crate) fn new() -> (Self, Receiver<Part>) {
        let (sender, parts) = unbounded();
        let pulse = Self {
            interval: Arc::default(),
            parts: sender,
        };
        (pulse, parts)
    }

    /// One for latencies that are in no series.
    pub(crate) fn apart() -> Self {
        Self::new().0
    }

    /// A meter for one thread.
    pub(crate) fn meter(&self) -> Meter {
        Meter {
            interval: self.now(),
            current: Recorder::default(),
            total: Recorder::default(),
            pulse: self.clone(),
        }
    }

    /// Begins the next interval and returns the number of the one that ended.
    pub(crate) fn next(&self) -> u64 {
        self.interval.fetch_add(1, Ordering::Relaxed)
    }

    #[inline]
    fn now(&self) -> u64 {
        self.interval.load(Ordering::Relaxed)
    }
}

impl Meter {
    /// Adds a latency in nanoseconds.
    #[inline]
    pub(crate) fn record(&mut self, nanos: u64) {
        self.turn();
        self.current.record(nanos);
    }

    /// Hands over the interval before, if there is a new one. To be called now and then by a
    /// thread that has nothing to record.
    #[inline]
    pub(crate) fn turn(&mut self) {
        let now = self.pulse.now();
        if now != self.interval {
            self.hand_over(now);
        }
    }

    /// Hands over what is left, and returns all that was ever recorded.
    pub(crate) fn finish(mut self) -> Recorder {
        self.hand_over(self.interval);
        self.total
    }

    #[cold]
    fn hand_over(&mut self, now: u64) {
        let interval = mem::replace(&mut self.interval, now);
        let latency = mem::take(&mut self.current);
        self.total.merge(&latency);
        // There is no receiver where no series is wanted.
        drop(self.pulse.parts.send((interval, latency)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_belongs_to_the_interval_it_was_recorded_in() {
        let (pulse, parts) = Pulse::new();
        let mut meter = pulse.meter();
        meter.record(1_000_000);
        assert_eq!(pulse.next(), 0);
        assert_eq!(pulse.next(), 1, "an interval in which the thread slept");
        meter.record(2_000_000);
        meter.record(3_000_000);
        let total = meter.finish();
        let told = parts
            .try_iter()
            .map(|(at, latency)| (at, latency.percentiles().count));
        assert_eq!(told.collect::<Vec<_>>(), [(0, 1), (2, 2)]);
        assert_eq!(total.percentiles().count, 3);
    }

    #[test]
    fn a_meter_without_a_receiver_still_adds_up() {
        let pulse = Pulse::apart();
        let mut meter = pulse.meter();
        meter.record(5_000);
        pulse.next();
        meter.turn();
        assert_eq!(meter.finish().percentiles().count, 1);
    }
}
