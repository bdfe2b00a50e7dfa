//! The flags of `capacity`, and their help.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::flags::{ClientArgs, TopicArgs, count, interval, payload_bytes};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --admin 127.0.0.1:9090` in another terminal:
  How many connections does this host hold, and how many messages a second to 1,000 of them?
    loadtest capacity --url 'ws://127.0.0.1:8080/sub/{topic}' --p99 50ms \\
      --server-pid $(pidof -s corecast) --json capacity.json
  Connections alone, up to 200,000, with one message a second:
    loadtest capacity --url 'ws://127.0.0.1:8080/sub/{topic}' --p99 100ms --raise connections \\
      --rate 1 --max-connections 200000
  A server elsewhere:
    loadtest capacity --url ws://10.0.0.2:8080/sub/{topic} --i-may-load 10.0.0.2 --p99 50ms \\
      --admin 10.0.0.2:9090";

/// How much a server holds: raises the load until its latency breaks or something gives out.
///
/// First connections to one topic, at a fixed rate of messages; then the rate, at a fixed number of
/// connections. Doubles until a step breaks, and halves the gap to it until it is below 5 percent;
/// a step breaks, and one near the answer holds, if two tries of three say so. Tells the highest
/// load that held, and what gave out above it: CPU of the server or the client, memory,
/// descriptors, ports, the accept queue, the network of this host, or the latency alone. Ends after
/// --time with what it knows by then. Exit code: 0 if it has an answer, 1 if the first steps break.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CapacityArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(super) at: TopicArgs,
    /// Latency that the 99th percentile of deliveries must not exceed: as 50ms or 0.1s.
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = latency)]
    pub(super) p99: Duration,
    /// What is raised.
    #[arg(long, value_enum, default_value_t)]
    pub(super) raise: Raise,
    /// Most connections that are tried, at least 1.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = count())]
    pub(super) max_connections: u32,
    /// Messages per second while connections are raised, at least 1.
    #[arg(long, default_value_t = 10, value_parser = count())]
    pub(super) rate: u32,
    /// Connections while the rate is raised, at least 1; fewer if fewer are held.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = count())]
    pub(super) connections: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(super) payload: u32,
    /// How long the messages of a step go on: seconds, or a number with s, m or h.
    #[arg(long, default_value = "3s", value_parser = interval)]
    pub(super) step: Duration,
    /// How long it may take in all, up to the end of a step.
    #[arg(long, default_value = "4m", value_parser = interval)]
    pub(super) time: Duration,
    /// What all client commands take.
    #[command(flatten)]
    pub(super) client: ClientArgs,
}

/// What is raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Raise {
    /// Connections, then the rate.
    #[default]
    Both,
    Connections,
    Rate,
}

/// Reads a latency: `50ms`, or seconds as `0.1s`.
fn latency(text: &str) -> Result<Duration, String> {
    match text.strip_suffix("ms") {
        Some(millis) => interval(millis).map(|time| time / 1000),
        None => interval(text),
    }
    .map_err(|_| format!("{text:?} is no latency above 0: 50ms, 0.1s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_read() {
        assert_eq!(latency("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(latency("0.1s"), Ok(Duration::from_millis(100)));
        for wrong in ["", "ms", "0ms", "5us", "-1ms"] {
            assert!(latency(wrong).is_err(), "{wrong}");
        }
    }
}
