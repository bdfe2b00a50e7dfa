//! The flags of `soak` and their help.

use std::time::Duration;

use clap::Args;

use crate::flags::{ClientArgs, TopicArgs, duration, payload_bytes};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  Two hours, 1,000 subscribers, 20 messages a second, 10 of them leaving and returning each second:
    loadtest soak --url 'ws://127.0.0.1:8080/sub/{topic}' -n 1000 --rate 20 --churn 10 --duration 2h --server-pid $(pidof -s corecast)";

/// A steady load for hours, with some connections that leave and return.
///
/// Half of those that leave are cut, half close with the closing handshake; each returns at once.
/// A connection that was live when a message began must get it, once and in order. Prints a line of
/// latencies and memory for each interval. Fails if messages are lost, if the server ends a connection, or if its
/// memory grows by more than --memory-growth-max after the first third.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SoakArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(crate) at: TopicArgs,
    /// Where the publisher connects [default: the first --url, /sub/ replaced by /pub/].
    #[arg(long)]
    pub(crate) publish_url: Option<String>,
    /// Subscribers, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Messages per second.
    #[arg(long, default_value_t = 20.0, value_parser = crate::flags::rate)]
    pub(crate) rate: f64,
    /// Subscribers that leave and return in each second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 0.0, value_parser = crate::flags::churn)]
    pub(crate) churn: f64,
    /// How long: seconds, or a number with s, m or h.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Length of an interval: seconds, or a number with s, m or h.
    #[arg(long, default_value = "30s", value_parser = crate::flags::interval)]
    pub(crate) interval: Duration,
    /// Percent by which the server's memory may grow after the first third of the time.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub(crate) memory_growth_max: f64,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(crate) payload: u32,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
