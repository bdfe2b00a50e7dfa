//! The flags of `fanout`, `topics` and `chat`, and their help.

use clap::{Args, ValueEnum};

use crate::check::message::Filler;
use crate::flags::{
    ClientArgs, DeadlineArgs, TopicArgs, count, micros, payload_bytes, rate, seconds_of,
};

const FANOUT_EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --tcp-topic news` in another terminal:
  Each message when all have the one before, 10,000 subscribers, CPU of the server per delivery:
    loadtest fanout --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 -m 200 \\
      --server-pid $(pidof -s corecast)
  A fixed schedule of 100 messages a second for 10 s, latency from the scheduled time:
    loadtest fanout --url 'ws://127.0.0.1:8080/sub/{topic}' -n 1000 --rate 100 --duration 10
  Published over TCP, received over WebSocket and TCP, the order of 4 publishers compared:
    loadtest fanout --url ws://127.0.0.1:8080/sub/news --url tcp://127.0.0.1:9000 \\
      --publish-url tcp://127.0.0.1:9000 --publishers 4
  The structured protocol in JSON, as the SDKs of Centrifuge speak it:
    loadtest fanout --url 'ws://127.0.0.1:8080/connection/websocket#{topic}' -n 10000 -m 200
  Memory per connection between 2,000 and 10,000 of them:
    loadtest fanout --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 -m 1 \\
      --pss-at 2000,10000 --server-pid $(pidof -s corecast)";

/// Many subscribers of one topic: every message to every one of them.
///
/// Checks for each subscriber that every message of every publisher comes once and in order, and
/// with several publishers that all subscribers see one and the same order. Copies that publishers
/// get, on /ws/... and tcp:// targets, are checked as well, but for that one order.
#[derive(Args, Clone, Debug)]
#[command(after_help = FANOUT_EXAMPLES)]
pub(crate) struct FanoutArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(super) at: TopicArgs,
    /// Where publishers connect [default: the first --url, /sub/ replaced by /pub/]. May be
    /// repeated.
    #[arg(long)]
    pub(super) publish_url: Vec<String>,
    /// Subscribers, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = count())]
    pub(super) connections: u32,
    /// Connections that publish, beside the subscribers, at least 1.
    #[arg(long, default_value_t = 1, value_parser = count())]
    pub(super) publishers: u32,
    /// Messages of all publishers together, at least 1.
    #[arg(short, long, default_value_t = 100, value_parser = count())]
    pub(super) messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(super) payload: u32,
    /// Messages per second of all publishers, at a fixed schedule. Without it each publisher waits
    /// until all subscribers have its message.
    #[arg(long, value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Seconds of the schedule; RATE x DURATION messages are sent.
    #[arg(long, requires = "rate", conflicts_with = "messages", value_parser = seconds_of)]
    pub(super) duration: Option<f64>,
    /// Seconds to keep all connections open after the last message, answering pings.
    #[arg(long, default_value_t = 0.0, value_parser = seconds_of)]
    pub(super) hold: f64,
    /// Stop opening at N1 and at N2 connections, read the server's memory, report the slope.
    #[arg(
        long,
        value_name = "N1,N2",
        value_delimiter = ',',
        num_args = 1,
        requires = "server_pid"
    )]
    pub(super) pss_at: Vec<u32>,
    /// Subscribers ask for permessage-deflate without context takeover (RFC 7692) and insist on it.
    #[arg(long)]
    pub(super) deflate: bool,
    /// What messages are filled with behind their stamp of 24 bytes.
    #[arg(long, value_enum, default_value_t)]
    pub(super) filler: Filler,
    /// Microseconds, below 1000000, that client threads rest between turns, so that the server is
    /// not charged with waking them for each delivery. Adds as much to latencies
    /// [default: 200, with --rate 0].
    #[arg(long, value_name = "US", value_parser = micros())]
    pub(super) gather: Option<u32>,
    /// How long its messages may take.
    #[command(flatten)]
    pub(super) phase: DeadlineArgs,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Its connections end with a reset, so that their ports are free at once.
    #[arg(skip)]
    pub(super) resets: bool,
}

impl FanoutArgs {
    /// One of many short runs to the same server: so many connections, messages a second and
    /// seconds, and as long again for what is behind.
    pub(crate) fn step(
        at: TopicArgs,
        client: ClientArgs,
        (connections, rate, duration): (u32, f64, f64),
        payload: u32,
    ) -> Self {
        Self {
            at,
            publish_url: Vec::new(),
            connections,
            publishers: 1,
            messages: whole(rate * duration).max(1),
            payload,
            rate: Some(rate),
            duration: None,
            hold: 0.0,
            pss_at: Vec::new(),
            deflate: false,
            filler: Filler::default(),
            gather: None,
            phase: DeadlineArgs {
                deadline: Some(2.0 * duration),
            },
            client,
            resets: true,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of messages, and the greatest beyond 4 billion"
)]
fn whole(messages: f64) -> u32 {
    messages.round() as u32
}

const TOPICS_EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 subscribers of 1,000 topics, 2,000 messages a second to the topics in turn:
    loadtest topics --url 'ws://127.0.0.1:8080/sub/{topic}' -t 1000 -n 10000 --rate 2000 \\
      --server-pid $(pidof -s corecast)
  Two publishers for each topic, which take topics at random, the same ones in every run:
    loadtest topics --url 'ws://127.0.0.1:8080/sub/{topic}' -t 100 -n 1000 --publishers 2 \\
      --pick random --seed 7";

/// Many topics: each subscriber gets all of its topic, and nothing else.
///
/// The subscribers are dealt out to the topics in turn. Each publisher has one connection to each
/// topic. Checks that every message of a topic comes once to each of its subscribers and to no
/// other, in the order of its publisher, and with several publishers in one order for all. With
/// --server-pid the memory of a topic is told from that of a connection: the first connections open
/// a topic each, the later ones join it.
#[derive(Args, Clone, Debug)]
#[command(after_help = TOPICS_EXAMPLES)]
pub(crate) struct TopicsArgs {
    /// Where subscribers connect, with `{topic}`: ws://127.0.0.1:PORT/PATH, or `[::1]` for the
    /// address. May be repeated; subscribers take them in turn.
    #[arg(long, required = true)]
    pub(super) url: Vec<String>,
    /// Where publishers connect, with `{topic}` [default: the first --url, /sub/ replaced by
    /// /pub/].
    #[arg(long)]
    pub(super) publish_url: Option<String>,
    /// Beginning of the names of topics; a number follows [default: a fresh name].
    #[arg(long)]
    pub(super) topic: Option<String>,
    /// Topics, at least 1.
    #[arg(short, long, default_value_t = 100, value_parser = count())]
    pub(super) topics: u32,
    /// Subscribers, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = count())]
    pub(super) connections: u32,
    /// Publishers of each topic, 1 to 1000.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) publishers: u32,
    /// Which topic the next message goes to.
    #[arg(long, value_enum, default_value_t = Pick::InTurn)]
    pub(super) pick: Pick,
    /// Of `--pick random`: the same number gives the same topics.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Messages per second to all topics together, at a fixed schedule.
    #[arg(long, default_value_t = 1000.0, value_parser = rate)]
    pub(super) rate: f64,
    /// Messages in all.
    #[arg(short, long, default_value_t = 5000, value_parser = count())]
    pub(super) messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(super) payload: u32,
    /// How long its messages may take.
    #[command(flatten)]
    pub(super) phase: DeadlineArgs,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

const CHAT_EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --tcp-topic news` in another terminal:
  200 connections, each with one message under way:
    loadtest chat --url 'ws://127.0.0.1:8080/ws/{topic}' -n 200 -m 20 \\
      --server-pid $(pidof -s corecast)
  A thousand that say something once in 10 s, half of them over TCP:
    loadtest chat --url ws://127.0.0.1:8080/ws/news --url tcp://127.0.0.1:9000 -n 1000 \\
      --rate 100 -m 3";

/// All connections of one topic publish, and every one gets everything.
///
/// Checks that each connection gets every message of every one, its own as well, once, and that all
/// see one and the same order.
#[derive(Args, Clone, Debug)]
#[command(after_help = CHAT_EXAMPLES)]
pub(crate) struct ChatArgs {
    /// Where it connects.
    #[command(flatten)]
    pub(super) at: TopicArgs,
    /// Connections, at least 1.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = count())]
    pub(super) connections: u32,
    /// Messages of each connection.
    #[arg(short, long, default_value_t = 10, value_parser = count())]
    pub(super) messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(super) payload: u32,
    /// Messages per second of all connections together, which take turns at a fixed schedule.
    /// Without it each sends its next when its own has come back.
    #[arg(long, value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// How long its messages may take.
    #[command(flatten)]
    pub(super) phase: DeadlineArgs,
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
