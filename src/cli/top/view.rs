//! What is shown: numbers now, and rates between two looks.

use serde::Serialize;

use crate::cli::top::answers::{Connection, Lists, Shard, Stats, Topic};

/// Everything that is shown, and printed as JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct View {
    pub(super) time: f64,
    pub(super) version: String,
    pub(super) uptime_seconds: f64,
    pub(super) ready: bool,
    pub(super) connections: u64,
    pub(super) backlog_bytes: u64,
    pub(super) resident_bytes: u64,
    /// Missing after the first look, and after a restart of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rates: Option<Rates>,
    pub(super) shards: Vec<ShardView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slow: Option<Vec<Connection>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topics: Option<Vec<Topic>>,
}

/// What has changed between two looks, for each second.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Rates {
    /// How many CPUs the process kept busy.
    pub(super) cpus: f64,
    pub(super) opened: f64,
    pub(super) closed: f64,
    pub(super) messages_in: f64,
    pub(super) bytes_in: f64,
    pub(super) messages_out: f64,
    pub(super) bytes_out: f64,
    pub(super) skipped: f64,
    /// From the place in the order to the last write; missing if there were no messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery_seconds: Option<Quantiles>,
}

/// The bounds below which half of the values were, and so on. Beyond the last bound of the
/// histogram that is twice this bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Quantiles {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
}

/// One shard.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ShardView {
    pub(super) connections: u64,
    pub(super) paused: u64,
    pub(super) backlog_bytes: u64,
    /// Messages of other shards that wait in its lanes.
    pub(super) lanes: u64,
    /// For how long it has had no turn, although it was woken.
    pub(super) lag_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rates: Option<ShardRates>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ShardRates {
    pub(super) messages_in: f64,
    pub(super) messages_out: f64,
    /// The part of the time that its turns took.
    pub(super) busy: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) turn_seconds: Option<Quantiles>,
}

impl View {
    /// What a look shows, given the look before.
    pub(super) fn of(now: &Stats, before: Option<&Stats>) -> Self {
        // Another process counts from 0.
        let before = before.filter(|before| {
            let is_same = before.uptime_seconds < now.uptime_seconds;
            is_same && before.shards.len() == now.shards.len()
        });
        let sum = |number: fn(&Shard) -> u64| now.shards.iter().map(number).sum();
        let shards = now.shards.iter().enumerate().map(|(index, shard)| {
            let rates = before.and_then(|before| {
                let passed = now.uptime_seconds - before.uptime_seconds;
                let then = before.shards.get(index)?;
                Some(shard_rates(shard, then, passed, &now.turn_bounds_seconds))
            });
            ShardView {
                connections: shard.connections,
                paused: shard.paused,
                backlog_bytes: shard.backlog_bytes + shard.replies_bytes,
                lanes: shard.mail_waiting,
                lag_seconds: shard.turn_age_seconds,
                rates,
            }
        });
        Self {
            time: now.time,
            version: now.version.clone(),
            uptime_seconds: now.uptime_seconds,
            ready: now.ready,
            connections: sum(|shard| shard.connections),
            backlog_bytes: sum(|shard| shard.backlog_bytes + shard.replies_bytes),
            resident_bytes: now.process.resident_bytes,
            rates: before.map(|before| rates(now, before)),
            shards: shards.collect(),
            slow: None,
            topics: None,
        }
    }

    /// The same with what shards have answered.
    pub(super) fn with(self, lists: Lists) -> Self {
        Self {
            slow: Some(lists.slow),
            topics: Some(lists.topics),
            ..self
        }
    }
}

fn rates(now: &Stats, before: &Stats) -> Rates {
    let passed = now.uptime_seconds - before.uptime_seconds;
    let rate = |number: fn(&Shard) -> u64| {
        let sum = |stats: &Stats| stats.shards.iter().map(number).sum::<u64>();
        sum(now).saturating_sub(sum(before)) as f64 / passed
    };
    let deliveries = |stats: &Stats| {
        let mut sums = vec![0; now.delivery_bounds_seconds.len() + 1];
        for shard in &stats.shards {
            let counts = sums.iter_mut().zip(&shard.deliveries);
            counts.for_each(|(sum, count)| *sum += count);
        }
        sums
    };
    let cpu = now.process.cpu_seconds - before.process.cpu_seconds;
    Rates {
        cpus: cpu.max(0.0) / passed,
        opened: rate(|shard| shard.opened),
        closed: rate(|shard| shard.closed),
        messages_in: rate(|shard| shard.messages_in),
        bytes_in: rate(|shard| shard.bytes_in),
        messages_out: rate(|shard| shard.messages_out),
        bytes_out: rate(|shard| shard.bytes_out),
        skipped: rate(|shard| shard.skipped),
        delivery_seconds: Quantiles::between(
            &deliveries(now),
            &deliveries(before),
            &now.delivery_bounds_seconds,
        ),
    }
}

fn shard_rates(now: &Shard, before: &Shard, passed: f64, bounds: &[f64]) -> ShardRates {
    let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed;
    ShardRates {
        messages_in: rate(now.messages_in, before.messages_in),
        messages_out: rate(now.messages_out, before.messages_out),
        busy: ((now.turn_seconds - before.turn_seconds) / passed).clamp(0.0, 1.0),
        turn_seconds: Quantiles::between(&now.turns, &before.turns, bounds),
    }
}

impl Quantiles {
    fn between(now: &[u64], before: &[u64], bounds: &[f64]) -> Option<Self> {
        let counts = now.iter().zip(before);
        let counts: Vec<u64> = counts
            .map(|(now, then)| now.saturating_sub(*then))
            .collect();
        let all: u64 = counts.iter().sum();
        let last = bounds.last().filter(|_| all != 0)?;
        let bound = |part: f64| {
            let mut seen = 0;
            let place = counts.iter().position(|count| {
                seen += count;
                all as f64 * part <= seen as f64
            });
            let bound = place.and_then(|place| bounds.get(place).copied());
            bound.unwrap_or(2.0 * last)
        };
        Some(Self {
            p50: bound(0.5),
            p99: bound(0.99),
            p999: bound(0.999),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::top::answers::Process;

    fn stats(time: f64, messages: u64) -> Stats {
        let shard = Shard {
            connections: 5,
            messages_out: messages,
            deliveries: vec![messages, 1, 0],
            turns: vec![0, messages],
            turn_seconds: time / 4.0,
            ..Shard::default()
        };
        Stats {
            time,
            uptime_seconds: time - 100.0,
            process: Process {
                cpu_seconds: time / 2.0,
                resident_bytes: 7,
            },
            turn_bounds_seconds: vec![0.5],
            delivery_bounds_seconds: vec![0.001, 0.01],
            shards: vec![shard.clone(), shard],
            ..Stats::default()
        }
    }

    #[test]
    fn rates_are_between_two_looks() {
        let view = View::of(&stats(202.0, 300), Some(&stats(200.0, 100)));
        assert_eq!((view.connections, view.resident_bytes), (10, 7));
        let rates = view.rates.unwrap();
        assert_eq!((rates.cpus, rates.messages_out), (0.5, 200.0));
        let all = |bound| Quantiles {
            p50: bound,
            p99: bound,
            p999: bound,
        };
        assert_eq!(rates.delivery_seconds, Some(all(0.001)));
        let shard = view.shards[1].rates.as_ref().unwrap();
        assert_eq!((shard.messages_out, shard.busy), (100.0, 0.25));
        assert_eq!(shard.turn_seconds, Some(all(1.0)), "beyond the last bound");
    }

    #[test]
    fn another_process_counts_from_nothing() {
        let before = stats(200.0, 100);
        let mut now = stats(202.0, 3);
        now.uptime_seconds = 1.0;
        assert!(View::of(&now, Some(&before)).rates.is_none());
        let mut now = stats(202.0, 300);
        now.shards.pop();
        let view = View::of(&now, Some(&before));
        assert!(view.rates.is_none() && view.shards[0].rates.is_none());
        assert!(View::of(&now, None).rates.is_none());
    }

    #[test]
    fn quantiles_are_bounds() {
        let bounds = [1.0, 2.0, 4.0];
        let counts = [500, 489, 10, 1];
        let found = Quantiles::between(&counts, &[0; 4], &bounds).unwrap();
        assert_eq!((found.p50, found.p99, found.p999), (1.0, 4.0, 4.0));
        assert_eq!(Quantiles::between(&counts, &counts, &bounds), None);
    }
}
