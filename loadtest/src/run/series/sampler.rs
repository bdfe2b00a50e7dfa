//! Takes samples when they are due, and thins them out when there are too many.

use std::collections::BTreeMap;
use std::mem;

use crossbeam_channel::Receiver;

use crate::clock::{MILLISECOND, nanos, now_ns, seconds};
use crate::run::series::pulse::{Part, Pulse};
use crate::run::series::sparse::Sparse;
use crate::run::series::watch::{Reading, Watch};
use crate::run::series::{Mark, Series, columns};

/// Takes the samples of a run.
pub(crate) struct Sampler {
    pulse: Pulse,
    parts: Receiver<Part>,
    watch: Watch,
    /// Between samples; zero where none are wanted.
    interval_ns: u64,
    next_at: u64,
    samples: Vec<Sample>,
    /// Latencies by the number of their interval.
    latencies: BTreeMap<u64, Sparse>,
    marks: Vec<(u64, &'static str, Option<u64>)>,
}

/// All numbers at one time.
pub(super) struct Sample {
    pub(super) at_ns: u64,
    /// Number of the interval that ended here.
    pub(super) interval: u64,
    pub(super) reading: Reading,
}

/// Between the samples of a run that has just begun.
const FIRST_INTERVAL_NS: u64 = 200 * MILLISECOND;
/// Samples of which every other one goes, and the interval doubles: ten minutes then have one a
/// second or so.
const SAMPLES_MAX: usize = 600;

impl Sampler {
    /// Takes samples `every` so many seconds, which grow with the run; none with zero.
    pub(crate) fn new(every: Option<f64>) -> Self {
        let (pulse, parts) = Pulse::new();
        Self {
            pulse,
            parts,
            watch: Watch::default(),
            interval_ns: every.map_or(FIRST_INTERVAL_NS, nanos),
            next_at: 0,
            samples: Vec::new(),
            latencies: BTreeMap::new(),
            marks: Vec::new(),
        }
    }

    /// For the meters of threads.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Says what to look at from now on, and takes the first sample.
    pub(crate) fn watch(&mut self, watch: Watch) {
        self.watch = watch;
        self.sample(now_ns());
    }

    /// Takes a sample if one is due.
    pub(crate) fn look(&mut self) {
        let now = now_ns();
        if !self.samples.is_empty() && now >= self.next_at {
            self.sample(now);
        }
    }

    /// Something begins: a sample of its own, so that what was before is not mixed with it.
    pub(crate) fn mark(&mut self, name: &'static str, server_pss_bytes: Option<u64>) {
        let now = now_ns();
        let marked_at = self.marks.last().map_or(0, |(at, ..)| *at);
        let is_recent =
            |sample: &Sample| sample.at_ns > marked_at && now - sample.at_ns < self.interval_ns / 4;
        // A rate over next to no time would say nothing.
        if self.samples.len() > 1 && self.samples.last().is_some_and(is_recent) {
            self.samples.pop();
        }
        if !self.samples.is_empty() {
            self.sample(now);
        }
        self.marks.push((now, name, server_pss_bytes));
    }

    /// Ends the run, when its threads have handed over all they had.
    pub(crate) fn finish(mut self) -> Series {
        self.collect();
        let start = self.samples.first().map_or(0, |sample| sample.at_ns);
        let mark = |(at, name, pss): &(u64, &str, Option<u64>)| Mark {
            time_s: columns::rounded(seconds(start, *at)),
            name: (*name).to_owned(),
            server_pss_bytes: *pss,
        };
        let latencies = self.by_sample();
        Series {
            interval_s: columns::rounded(seconds(0, self.interval_ns)),
            marks: self.marks.iter().map(mark).collect(),
            ..columns::columns(&self.watch, &self.samples, &latencies)
        }
    }

    fn sample(&mut self, now: u64) {
        if self.interval_ns == 0 {
            return;
        }
        self.next_at = now + self.interval_ns;
        self.samples.push(Sample {
            at_ns: now,
            interval: self.pulse.next(),
            reading: self.watch.read(),
        });
        self.collect();
        if self.samples.len() > SAMPLES_MAX {
            self.thin_out();
        }
    }

    fn collect(&mut self) {
        for (interval, latency) in self.parts.try_iter() {
            let all = self.latencies.entry(interval).or_default();
            all.merge(&Sparse::new(&latency));
        }
    }

    /// Drops every other sample; what they counted is in the next one.
    fn thin_out(&mut self) {
        self.interval_ns *= 2;
        let (last, mut numbers) = (self.samples.len() - 1, 0..);
        let is_kept = |number| number % 2 == 0 || number == last;
        self.samples.retain(|_| numbers.next().is_some_and(is_kept));
        self.latencies = self.by_sample();
    }

    /// Latencies by the number of the interval that a sample ended.
    fn by_sample(&mut self) -> BTreeMap<u64, Sparse> {
        let mut merged: BTreeMap<u64, Sparse> = BTreeMap::new();
        for (interval, sparse) in mem::take(&mut self.latencies) {
            let at = self
                .samples
                .partition_point(|sample| sample.interval < interval);
            // The last interval, which no sample has ended, goes with the one before.
            let Some(sample) = self.samples.get(at).or_else(|| self.samples.last()) else {
                continue;
            };
            merged.entry(sample.interval).or_default().merge(&sparse);
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_long_run_keeps_a_bounded_number_of_samples_and_loses_nothing() {
        let mut sampler = Sampler::new(Some(1.0));
        let counter = Rc::new(Cell::new(0));
        let mut watch = Watch::default();
        let read = Rc::clone(&counter);
        watch.counter("deliveries_per_s", move || read.get());
        sampler.watch(watch);
        let start = sampler.samples[0].at_ns;
        let mut meter = sampler.pulse().meter();
        for second in 1..=5_000_u64 {
            counter.set(counter.get() + 7);
            meter.record(second * 1_000);
            sampler.sample(start + second * crate::clock::SECOND);
        }
        assert_eq!(meter.finish().percentiles().count, 5_000);
        assert!(sampler.samples.len() <= SAMPLES_MAX + 1);
        let series = sampler.finish();
        let rates = &series.columns["deliveries_per_s"];
        assert_eq!(series.time_s.len(), rates.len());
        assert!(series.time_s.is_sorted());
        assert!(
            rates.iter().flatten().all(|rate| (rate - 7.0).abs() < 0.01),
            "{rates:?}"
        );
        let max = series.columns["latency_max_us"]
            .iter()
            .flatten()
            .copied()
            .fold(0.0, f64::max);
        assert!((max - 5_000.0).abs() < 5.0, "{max}");
    }

    #[test]
    fn no_samples_are_taken_where_none_are_wanted() {
        let mut sampler = Sampler::new(Some(0.0));
        sampler.watch(Watch::default());
        sampler.look();
        sampler.mark("load", None);
        let series = sampler.finish();
        assert!(series.time_s.is_empty() && series.columns.is_empty());
    }
}
