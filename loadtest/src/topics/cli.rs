//! The flags of `topics` and their help.

use clap::{Args, ValueEnum};

use crate::cli::{ClientArgs, DeadlineArgs, payload_bytes};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 subscribers of 1,000 topics, 2,000 messages a second to the topics in turn:
    loadtest topics --url 'ws://127.0.0.1:8080/sub/{topic}' -t 1000 -n 10000 --rate 2000 --server-pid $(pidof -s corecast)
  Two publishers for each topic, who take topics at random, the same ones in every run:
    loadtest topics --url 'ws://127.0.0.1:8080/sub/{topic}' -t 100 -n 1000 --publishers 2 --pick random --seed 7";

/// Many topics: each subscriber gets all of its topic, and nothing else.
///
/// The subscribers are dealt out to the topics in turn. Each publisher has one connection to each
/// topic. Checks that every message of a topic comes once to each of its subscribers and to no
/// other, in the order of its publisher, and with several publishers in one order for all. With
/// --server-pid the memory of a topic is told from that of a connection: the first connections open
/// a topic each, the later ones join it.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopicsArgs {
    /// Where subscribers connect, with `{topic}`: ws://127.0.0.1:PORT/PATH, or `[::1]` for the
    /// address. May be repeated; subscribers take them in turn.
    #[arg(long, required = true)]
    pub(crate) url: Vec<String>,
    /// Where publishers connect, with `{topic}` [default: the first --url, /sub/ replaced by /pub/].
    #[arg(long)]
    pub(crate) publish_url: Option<String>,
    /// Beginning of the names of topics; a number follows [default: a fresh name].
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Topics, at least 1.
    #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) topics: u32,
    /// Subscribers, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Publishers of each topic, 1 to 1000.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) publishers: u32,
    /// Which topic the next message goes to.
    #[arg(long, value_enum, default_value_t = Pick::InTurn)]
    pub(crate) pick: Pick,
    /// Of `--pick random`: the same number gives the same topics.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Messages per second to all topics together, at a fixed schedule.
    #[arg(long, default_value_t = 1000.0, value_parser = crate::scene::rate)]
    pub(crate) rate: f64,
    /// Messages in all.
    #[arg(short, long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(crate) payload: u32,
    /// How long its messages may take.
    #[command(flatten)]
    pub(crate) phase: DeadlineArgs,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Which topic the next message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pick {
    /// The one after the last.
    InTurn,
    /// Any.
    Random,
}
