//! The flags of `chat` and their help.

use clap::Args;

use crate::cli::{ClientArgs, DeadlineArgs, payload_bytes};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --tcp-topic news` in another terminal:
  200 connections, each with one message under way:
    loadtest chat --url 'ws://127.0.0.1:8080/ws/{topic}' -n 200 -m 20 --server-pid $(pidof -s corecast)
  A thousand that say something once in 10 s, half of them over TCP:
    loadtest chat --url ws://127.0.0.1:8080/ws/news --url tcp://127.0.0.1:9000 -n 1000 --rate 100 -m 3";

/// All connections of one topic publish, and every one gets everything.
///
/// Checks that each connection gets every message of every one, its own as well, once, and that all
/// see one and the same order.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ChatArgs {
    /// Where to connect: ws://127.0.0.1:PORT/PATH, tcp://127.0.0.1:PORT, or `[::1]` for the address.
    /// `{topic}` stands for the topic. May be repeated; connections take them in turn.
    #[arg(long, required = true)]
    pub(crate) url: Vec<String>,
    /// Stands in the place of `{topic}` [default: a fresh name].
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Connections, at least 1.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Messages of each connection.
    #[arg(short, long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(crate) payload: u32,
    /// Messages per second of all connections together, which take turns at a fixed schedule.
    /// Without it each sends its next when its own has come back.
    #[arg(long, value_parser = crate::scene::rate)]
    pub(crate) rate: Option<f64>,
    /// How long its messages may take.
    #[command(flatten)]
    pub(crate) phase: DeadlineArgs,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
