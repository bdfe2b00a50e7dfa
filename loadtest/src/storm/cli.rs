//! The flags of `storm` and their help.

use clap::Args;

use crate::flags::{ClientArgs, TopicArgs, payload_bytes};
use crate::opener::WINDOW;

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 subscribers are cut and come back at once, three times:
    loadtest storm --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --rounds 3 --server-pid $(pidof -s corecast)
  They close properly, and come back within 10 s, each at a random time:
    loadtest storm --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --close --jitter 10";

/// All subscribers leave at once and come back at once, beside steady ones.
///
/// The steady ones listen to a topic of their own, at a fixed rate; their latencies before, while
/// the others come back, and after are told apart. When all are back, one message must reach every
/// one of them. One that is refused tries again until nothing has moved for --timeout.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StormArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(crate) at: TopicArgs,
    /// Where the steady ones connect, to another topic [default: the first --url, with another name
    /// in the place of `{topic}`].
    #[arg(long)]
    pub(crate) steady_url: Option<String>,
    /// Subscribers that leave and come back, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// How often.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// They leave with the closing handshake; without it their sockets are closed without a word.
    #[arg(long)]
    pub(crate) close: bool,
    /// Seconds within which they come back, each at a random time.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = crate::flags::seconds)]
    pub(crate) jitter: f64,
    /// Attempts under way per thread.
    #[arg(long, default_value_t = WINDOW, value_parser = crate::flags::from_one())]
    pub(crate) window: usize,
    /// Subscribers that stay, at least 1.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steady: u32,
    /// Messages per second to those who stay.
    #[arg(long, default_value_t = 100.0, value_parser = crate::flags::rate)]
    pub(crate) rate: f64,
    /// Seconds of rest before the first round and after each.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = crate::flags::seconds)]
    pub(crate) rest: f64,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(crate) payload: u32,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
