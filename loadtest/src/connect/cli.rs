//! The flags of `connect` and their help.

use std::time::Duration;

use clap::Args;

use crate::flags::duration;
use crate::flags::{ClientArgs, TopicArgs};
use crate::opener::WINDOW;

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 connections as fast as they are taken, held for 30 s:
    loadtest connect --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --hold 30s --server-pid $(pidof -s corecast)
  2,000 in every second, 100 attempts under way per thread:
    loadtest connect --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --rate 2000 --window 100
  Over IPv6, with a server on [::1]:8080:
    loadtest connect --url 'ws://[::1]:8080/sub/{topic}' -n 1000";

/// Opens connections and holds them: accept rate, time to live, CPU and memory of each.
///
/// Nothing is published, and nothing may arrive. Fails if not all become live, if any ends before
/// the time is over, or if a message comes.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConnectArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(crate) at: TopicArgs,
    /// Connections, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Connections begun per second [default: as many as the window allows].
    #[arg(long, value_parser = crate::flags::rate)]
    pub(crate) rate: Option<f64>,
    /// Attempts under way per thread.
    #[arg(long, default_value_t = WINDOW, value_parser = crate::flags::from_one())]
    pub(crate) window: usize,
    /// How long to hold all connections, answering pings: seconds, or a number with s, m or h.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) hold: Duration,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
