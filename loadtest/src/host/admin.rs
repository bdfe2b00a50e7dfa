//! What a server says of itself on its admin port, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Serialize;

use crate::clock::{now_ns, seconds};
use crate::report::ratio;

/// What was said at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    at_ns: u64,
    turns: Turns,
    /// Seconds in turns, by the labels of the shard.
    turning_s: BTreeMap<String, f64>,
    cpu_s: Option<f64>,
    memory_bytes: Option<f64>,
    connections: Option<f64>,
    sent: f64,
}

/// What a server said of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct AdminFigures {
    /// Share of the time that the busiest shard was in turns.
    pub(crate) busiest_shard_share: Option<f64>,
    /// CPUs in use, where the server tells (`process_cpu_seconds_total`).
    pub(crate) busy_cores: Option<f64>,
    /// At the end of the phase.
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) connections: Option<u64>,
    pub(crate) messages_sent: u64,
    pub(crate) turns: TurnFigures,
}

/// Turns of all shards until a moment: how many took at most so many microseconds.
#[derive(Clone, Debug, Default)]
struct Turns(BTreeMap<u64, u64>);

/// How long turns took; each figure is the bound of the histogram that so many stayed below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TurnFigures {
    pub(crate) count: u64,
    pub(crate) p50_us_at_most: u64,
    pub(crate) p99_us_at_most: u64,
    pub(crate) max_us_at_most: u64,
}

const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
const TURNS: &str = "corecast_turn_seconds_bucket";
const TURNING: &str = "corecast_turn_seconds_sum";
const CONNECTIONS: &str = "corecast_connections";
const SENT: &str = "corecast_messages_sent_total";
const CPU: &str = "process_cpu_seconds_total";
const MEMORY: &str = "process_resident_memory_bytes";
/// Stands for a turn beyond all bounds.
const BEYOND_US: u64 = u64::MAX;

impl Reading {
    /// Asks for it; `None` if there is no answer.
    pub(crate) fn ask(admin: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect_timeout(&admin, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        let mut stream = stream.take(ANSWER_BYTES_MAX);
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then(|| Self {
            at_ns: now_ns(),
            ..Self::read(&answer)
        })
    }

    fn read(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
            let (labels, value) = rest.rsplit_once("} ").unwrap_or(("", rest));
            let value = value.split_ascii_whitespace().next();
            let Some(value) = value.and_then(|value| value.parse::<f64>().ok()) else {
                continue;
            };
            let add = |sum: &mut Option<f64>| *sum = Some(sum.unwrap_or(0.0) + value);
            match name {
                TURNS => found.turns.add(labels, value),
                TURNING => *found.turning_s.entry(labels.to_owned()).or_default() += value,
                CONNECTIONS => add(&mut found.connections),
                SENT => found.sent += value,
                CPU => add(&mut found.cpu_s),
                MEMORY => add(&mut found.memory_bytes),
                _ => {}
            }
        }
        found
    }

    /// What has come since an earlier moment.
    pub(crate) fn since(&self, earlier: &Self) -> AdminFigures {
        let wall_s = seconds(earlier.at_ns, self.at_ns);
        let turning = self.turning_s.iter().map(|(shard, now)| {
            let before = earlier.turning_s.get(shard).copied().unwrap_or(0.0);
            ratio(now - before, wall_s)
        });
        let cpu = self.cpu_s.zip(earlier.cpu_s);
        AdminFigures {
            busiest_shard_share: turning.reduce(f64::max),
            busy_cores: cpu.map(|(now, before)| ratio(now - before, wall_s)),
            memory_bytes: self.memory_bytes.map(whole),
            connections: self.connections.map(whole),
            messages_sent: whole((self.sent - earlier.sent).max(0.0)),
            turns: self.turns.since(&earlier.turns),
        }
    }
}

impl Turns {
    /// Adds a bucket of a histogram.
    fn add(&mut self, labels: &str, count: f64) {
        let bound = labels.split("le=\"").nth(1);
        let bound = bound.and_then(|rest| rest.split('"').next());
        let bound = match bound {
            Some("+Inf") => Some(BEYOND_US),
            bound => bound
                .and_then(|bound| bound.parse::<f64>().ok())
                .map(|s| whole(s * 1e6)),
        };
        if let Some(bound) = bound {
            *self.0.entry(bound).or_default() += whole(count);
        }
    }

    /// What has come since an earlier moment.
    fn since(&self, earlier: &Self) -> TurnFigures {
        let of = |bound: &u64| earlier.0.get(bound).copied().unwrap_or(0);
        let counts = self.0.iter();
        let counts = counts.map(|(bound, count)| (*bound, count.saturating_sub(of(bound))));
        let counts: Vec<(u64, u64)> = counts.collect();
        let all = counts.last().map_or(0, |(_, count)| *count);
        let within = |least: u64| {
            let found = counts.iter().find(|(_, count)| least <= *count);
            found.map_or(0, |(bound, _)| *bound)
        };
        if all == 0 {
            return TurnFigures::default();
        }
        TurnFigures {
            count: all,
            p50_us_at_most: within(all.div_ceil(2)),
            p99_us_at_most: within((all * 99).div_ceil(100)),
            max_us_at_most: within(all),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and bounds of a histogram"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "HTTP/1.1 200 OK\r\n\r\n# TYPE corecast_turn_seconds histogram\n\
        corecast_connections{shard=\"0\"} 3\ncorecast_connections{shard=\"1\"} 4\n\
        corecast_turn_seconds_sum{shard=\"0\"} 1.5\ncorecast_turn_seconds_sum{shard=\"1\"} 0.5\n\
        process_cpu_seconds_total 2.5\ncorecast_messages_sent_total 70\n\
        corecast_turn_seconds_bucket{le=\"1.6e-05\",shard=\"0\"} 90\n\
        corecast_turn_seconds_bucket{le=\"0.016384\",shard=\"0\"} 98\n\
        corecast_turn_seconds_bucket{le=\"+Inf\",shard=\"0\"} 100\n\
        corecast_turn_seconds_bucket{shard=\"1\",le=\"0.000016\"} 10\n\
        corecast_turn_seconds_bucket{shard=\"1\",le=\"0.016384\"} 12\n\
        corecast_turn_seconds_bucket{shard=\"1\",le=\"+Inf\"} 12\n";

    #[test]
    fn a_phase_is_what_came_since_the_reading_before() {
        let mut earlier = Reading::default();
        (earlier.cpu_s, earlier.sent) = (Some(0.5), 20.0);
        let later = Reading {
            at_ns: 2_000_000_000,
            ..Reading::read(TEXT)
        };
        let turns = TurnFigures {
            count: 112,
            p50_us_at_most: 16,
            p99_us_at_most: BEYOND_US,
            max_us_at_most: BEYOND_US,
        };
        let expected = AdminFigures {
            busiest_shard_share: Some(0.75),
            busy_cores: Some(1.0),
            memory_bytes: None,
            connections: Some(7),
            messages_sent: 50,
            turns,
        };
        assert_eq!(later.since(&earlier), expected);
        assert_eq!(later.since(&later).turns, TurnFigures::default());
    }
}
