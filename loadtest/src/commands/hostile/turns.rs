//! What the server says of its turns on its admin port, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Serialize;

/// Turns of all shards until a moment: how many took at most so many microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(BTreeMap<u64, u64>);

/// How long turns took; each figure is the bound of the histogram that so many stayed below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TurnFigures {
    pub(crate) count: u64,
    pub(crate) p50_us_at_most: u64,
    pub(crate) p99_us_at_most: u64,
    pub(crate) max_us_at_most: u64,
}

const PATIENCE: Duration = Duration::from_secs(10);
const BUCKET: &str = "corecast_turn_seconds_bucket{";
/// Stands for a turn beyond all bounds.
const BEYOND_US: u64 = u64::MAX;

impl Turns {
    /// Asks for them; `None` if there is no answer.
    pub(super) fn ask(admin: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect_timeout(&admin, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(Self::read(&answer))
    }

    fn read(text: &str) -> Self {
        let mut turns = BTreeMap::new();
        for line in text.lines() {
            let bucket = || {
                let (labels, value) = line.strip_prefix(BUCKET)?.split_once("} ")?;
                let bound = labels.split("le=\"").nth(1)?.split('"').next()?;
                let bound = match bound {
                    "+Inf" => BEYOND_US,
                    bound => whole(bound.parse::<f64>().ok()? * 1e6),
                };
                Some((bound, whole(value.split(' ').next()?.parse().ok()?)))
            };
            if let Some((bound, count)) = bucket() {
                *turns.entry(bound).or_default() += count;
            }
        }
        Self(turns)
    }

    /// What has come since an earlier moment.
    pub(super) fn since(&self, earlier: &Self) -> TurnFigures {
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
        corecast_turn_seconds_bucket{le=\"1.6e-05\",shard=\"0\"} 90\n\
        corecast_turn_seconds_bucket{le=\"0.016384\",shard=\"0\"} 98\n\
        corecast_turn_seconds_bucket{le=\"+Inf\",shard=\"0\"} 100\n\
        corecast_turn_seconds_bucket{shard=\"1\",le=\"0.000016\"} 10\n\
        corecast_turn_seconds_bucket{shard=\"1\",le=\"0.016384\"} 12\n\
        corecast_turn_seconds_bucket{shard=\"1\",le=\"+Inf\"} 12\n";

    #[test]
    fn turns_of_all_shards_are_added_without_those_before() {
        let figures = Turns::read(TEXT).since(&Turns::default());
        let expected = TurnFigures {
            count: 112,
            p50_us_at_most: 16,
            p99_us_at_most: BEYOND_US,
            max_us_at_most: BEYOND_US,
        };
        assert_eq!(figures, expected);
        let turns = Turns::read(TEXT);
        assert_eq!(turns.since(&turns), TurnFigures::default());
    }
}
