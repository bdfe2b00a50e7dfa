//! The flags of `slow` and their help.

use std::time::Duration;

use clap::Args;

use crate::flags::duration;
use crate::flags::{ClientArgs, TopicArgs, payload_bytes};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --slow-consumer drop-oldest` in another terminal:
  5 of 500 readers stop reading after 6 s; the latency of the others before and then:
    loadtest slow --url 'ws://127.0.0.1:8080/sub/{topic}' -n 500 --slow 5 --stopped --rate 300 --payload 2048 --duration 6s
  50 of them read 10,000 bytes a second:
    loadtest slow --url 'ws://127.0.0.1:8080/sub/{topic}' -n 500 --slow 50 --slow-rate 10000 --rate 300
  Three rounds, over which the drift of the host's speed evens out:
    loadtest slow --url 'ws://127.0.0.1:8080/sub/{topic}' -n 502 --slow 2 --stopped --rounds 3";

/// Some subscribers read slowly or not at all; the others must not notice.
///
/// For --duration all read as fast as they can, and for as long again the slow ones do not. The
/// latencies of the others are told apart by it, and they must miss nothing. Then the slow ones read
/// what is left for them; what they got, what they missed and whether they were closed, with which
/// code, is reported and never fails the run, but what is changed, repeated or out of order does.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SlowArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(crate) at: TopicArgs,
    /// Where the publisher connects [default: the first --url, /sub/ replaced by /pub/].
    #[arg(long)]
    pub(crate) publish_url: Option<String>,
    /// Subscribers, the slow ones among them, at least 2.
    #[arg(short = 'n', long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) connections: u32,
    /// How many of them are slow, at least 1, and not all.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) slow: u32,
    /// Bytes per second that each slow one reads.
    #[arg(long, value_name = "BYTES/S", required_unless_present = "stopped", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) slow_rate: Option<u32>,
    /// The slow ones do not read at all.
    #[arg(long, conflicts_with = "slow_rate")]
    pub(crate) stopped: bool,
    /// Receive buffers of the slow ones, in bytes; the kernel doubles it, socket(7) SO_RCVBUF.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 10)]
    pub(crate) slow_buffer: u32,
    /// Messages per second.
    #[arg(long, default_value_t = 300.0, value_parser = crate::flags::rate)]
    pub(crate) rate: f64,
    /// Rounds of two halves, without and with slow reading; which comes first alternates. With more
    /// than one, slow readers that are closed connect again.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Length of each half: seconds, or a number with s, m or h.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 2048, value_parser = payload_bytes())]
    pub(crate) payload: u32,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
