//! How long each message took to its first, its median and its last subscriber.
//!
//! Each thread keeps three times of each message for its own subscribers. Put together, the first
//! and the last are exact; the median is the mean of the threads' medians, which all lie within
//! the spread of one message over threads that do the same.

use serde::{Deserialize, Serialize};

use crate::run::record::{Percentiles, Recorder};

#[derive(Serialize, Deserialize)]
pub(crate) struct Reach {
    subscribers: u32,
    /// By publisher and number.
    times: Vec<Vec<Times>>,
    kept: usize,
}

/// One message: deliveries, and microseconds since it was due.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(into = "(u32, u32, u32, u32)", from = "(u32, u32, u32, u32)")]
struct Times {
    deliveries: u32,
    first_us: u32,
    median_us: u32,
    last_us: u32,
}

/// Percentiles over messages.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Reached {
    /// Messages that reached all, and of which times were kept.
    pub(crate) messages: u64,
    /// From when a message was due to its first delivery.
    pub(crate) to_first: Percentiles,
    /// To the delivery that made it half of all subscribers.
    pub(crate) to_median: Percentiles,
    /// To its last delivery.
    pub(crate) to_last: Percentiles,
    /// From the first to the last.
    pub(crate) first_to_last: Percentiles,
    /// Messages in the order of their publishers and numbers, at most 600 of them: of each run of
    /// neighbours the one that took longest to its last delivery.
    pub(crate) by_message: ByMessage,
}

/// The same of single messages, as columns.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ByMessage {
    pub(crate) number: Vec<u64>,
    pub(crate) first_us: Vec<u64>,
    pub(crate) median_us: Vec<u64>,
    pub(crate) last_us: Vec<u64>,
}

/// Messages that are told one by one.
const TOLD_MAX: usize = 600;

impl ByMessage {
    /// From first, median and last of all messages, in nanoseconds.
    fn new(messages: &[[u64; 3]]) -> Self {
        let mut told = Self::default();
        let run = messages.len().div_ceil(TOLD_MAX).max(1);
        for (index, run_of) in messages.chunks(run).enumerate() {
            let slowest = run_of
                .iter()
                .enumerate()
                .max_by_key(|(_, [.., last])| *last);
            let Some((at, [first, median, last])) = slowest else {
                continue;
            };
            told.number.push((index * run + at) as u64);
            told.first_us.push(first / 1_000);
            told.median_us.push(median / 1_000);
            told.last_us.push(last / 1_000);
        }
        told
    }
}

/// Messages of a thread whose times are kept: 16 MiB.
const KEPT_MAX: usize = 1 << 20;

impl Reach {
    pub(crate) fn new(subscribers: usize, publishers: usize) -> Self {
        Self {
            subscribers: u32::try_from(subscribers).unwrap_or(u32::MAX),
            times: vec![Vec::new(); publishers],
            kept: 0,
        }
    }

    /// Whether its publishers are some of so many.
    pub(crate) fn is_of(&self, publishers: usize) -> bool {
        self.times.len() <= publishers
    }

    /// A message came to one more subscriber, this long after it was due.
    #[inline]
    pub(crate) fn see(&mut self, publisher: u32, seq: u32, latency_ns: u64) {
        let Some(times) = self.times.get_mut(publisher as usize) else {
            return;
        };
        let seq = seq as usize;
        if times.len() <= seq {
            let more = seq + 1 - times.len();
            if self.kept + more > KEPT_MAX {
                return;
            }
            self.kept += more;
            times.resize(seq + 1, Times::default());
        }
        let us = u32::try_from(latency_ns / 1_000).unwrap_or(u32::MAX);
        let times = &mut times[seq];
        if times.deliveries == 0 {
            times.first_us = us;
        }
        times.deliveries += 1;
        if times.deliveries == self.subscribers.div_ceil(2) {
            times.median_us = us;
        }
        times.last_us = times.last_us.max(us);
    }
}

impl From<Times> for (u32, u32, u32, u32) {
    fn from(at: Times) -> Self {
        (at.deliveries, at.first_us, at.median_us, at.last_us)
    }
}

impl From<(u32, u32, u32, u32)> for Times {
    fn from((deliveries, first_us, median_us, last_us): (u32, u32, u32, u32)) -> Self {
        Self {
            deliveries,
            first_us,
            median_us,
            last_us,
        }
    }
}

/// Puts threads together as one, for those that are to be put beside it.
pub(crate) fn merge(threads: &[Reach]) -> Option<Reach> {
    let publishers = threads.iter().map(|thread| thread.times.len()).min()?;
    let of = |publisher: usize| {
        let all = threads.iter().map(|thread| &thread.times[publisher]);
        let messages = all.clone().map(Vec::len).max().unwrap_or(0);
        let at = |seq: usize| {
            all.clone()
                .filter_map(|times| times.get(seq))
                .fold(Times::default(), |sum, times| sum.and(*times))
        };
        (0..messages).map(at).collect()
    };
    Some(Reach {
        subscribers: threads.iter().map(|thread| thread.subscribers).sum(),
        times: (0..publishers).map(of).collect(),
        kept: 0,
    })
}

impl Times {
    /// Of the subscribers of both.
    fn and(self, other: Self) -> Self {
        match (self.deliveries, other.deliveries) {
            (0, _) => other,
            (_, 0) => self,
            (ours, theirs) => {
                let weighted = |us: u32, of: u32| u64::from(us) * u64::from(of);
                let sum = weighted(self.median_us, ours) + weighted(other.median_us, theirs);
                let deliveries = ours + theirs;
                Self {
                    deliveries,
                    first_us: self.first_us.min(other.first_us),
                    median_us: u32::try_from(sum / u64::from(deliveries)).unwrap_or(u32::MAX),
                    last_us: self.last_us.max(other.last_us),
                }
            }
        }
    }
}

/// Puts the threads together; messages that did not reach all subscribers are left out.
pub(crate) fn reached(threads: &[Reach]) -> Reached {
    let mut messages = Vec::new();
    let subscribers: u64 = threads.iter().map(|at| u64::from(at.subscribers)).sum();
    let publishers = threads.iter().map(|thread| thread.times.len());
    let publishers = publishers.min().unwrap_or(0);
    for publisher in 0..publishers {
        let of = |thread: &Reach| thread.times[publisher].len();
        for seq in 0..threads.iter().map(of).min().unwrap_or(0) {
            let all = || threads.iter().map(|thread| thread.times[publisher][seq]);
            let deliveries: u64 = all().map(|times| u64::from(times.deliveries)).sum();
            if deliveries != subscribers {
                continue;
            }
            let weighted = |times: Times| u64::from(times.median_us) * u64::from(times.deliveries);
            let nanos = |us: Option<u32>| u64::from(us.unwrap_or(0)) * 1_000;
            let first_ns = nanos(all().map(|times| times.first_us).min());
            let last_ns = nanos(all().map(|times| times.last_us).max());
            let median_ns = all().map(weighted).sum::<u64>() * 1_000 / deliveries.max(1);
            messages.push([first_ns, median_ns, last_ns]);
        }
    }
    let percentiles = |of: fn(&[u64; 3]) -> u64| {
        let mut recorder = Recorder::default();
        messages.iter().for_each(|times| recorder.record(of(times)));
        recorder.percentiles()
    };
    Reached {
        messages: messages.len() as u64,
        to_first: percentiles(|[first, ..]| *first),
        to_median: percentiles(|[_, median, _]| *median),
        to_last: percentiles(|[.., last]| *last),
        first_to_last: percentiles(|[first, _, last]| last.saturating_sub(*first)),
        by_message: ByMessage::new(&messages),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_put_together_message_by_message() {
        let (mut one, mut other) = (Reach::new(3, 1), Reach::new(1, 1));
        for us in [10, 20, 90] {
            one.see(0, 0, us * 1_000);
        }
        other.see(0, 0, 40_000);
        // The second message misses one subscriber.
        one.see(0, 1, 5_000);
        other.see(0, 1, 5_000);
        let reached = reached(&[one, other]);
        assert_eq!(reached.messages, 1);
        let is = |at: &Percentiles, us: f64| (at.max_us - us).abs() < 0.5;
        assert!(
            is(&reached.to_first, 10.0) && is(&reached.to_last, 90.0),
            "{reached:?}"
        );
        assert!(
            is(&reached.to_median, 25.0),
            "three quarters of 20, one of 40: {reached:?}"
        );
        assert!(is(&reached.first_to_last, 80.0), "{reached:?}");
        assert_eq!(reached.by_message.last_us, [90]);
    }

    #[test]
    fn threads_of_two_processes_are_put_together_as_those_of_one() {
        let thread = |subscribers: usize, times: &[u64]| {
            let mut reach = Reach::new(subscribers, 1);
            times.iter().for_each(|us| reach.see(0, 0, us * 1_000));
            reach
        };
        let all = || {
            [
                thread(2, &[10, 20]),
                thread(1, &[40]),
                thread(3, &[5, 30, 50]),
            ]
        };
        let [one, two, three] = all();
        let sent = serde_json::to_vec(&merge(&[one, two]).unwrap()).unwrap();
        let sent = serde_json::from_slice(&sent).unwrap();
        let (apart, together) = (reached(&[sent, three]), reached(&all()));
        let figures = |reached: &Reached| serde_json::to_value(reached).unwrap();
        assert_eq!(figures(&apart), figures(&together));
    }

    #[test]
    fn of_many_messages_the_slowest_are_told() {
        let mut messages = vec![[1_000, 2_000, 3_000]; 1_000_000];
        messages[777_777] = [1_000, 2_000, 99_000];
        let told = ByMessage::new(&messages);
        assert!(told.number.len() <= TOLD_MAX && told.number.is_sorted());
        let at = told.last_us.iter().position(|us| *us == 99).unwrap();
        assert_eq!(told.number[at], 777_777);
    }
}
