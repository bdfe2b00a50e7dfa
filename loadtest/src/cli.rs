//! The flags and their help.

mod client;
mod output;

use std::net::SocketAddrV4;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::chat::cli::ChatArgs;
use crate::connect::cli::ConnectArgs;
use crate::hostile::cli::HostileArgs;
use crate::message::Filler;
use crate::scene::seconds;
use crate::slow::cli::SlowArgs;
use crate::soak::cli::SoakArgs;
use crate::storm::cli::StormArgs;
use crate::topics::cli::TopicsArgs;

pub(crate) use crate::cli::client::{ClientArgs, DeadlineArgs, payload_bytes};
pub(crate) use crate::cli::output::{CompareArgs, OutputArgs, ReportArgs, RunArgs};

/// Loads a message server on this host and checks every delivery.
///
/// Opens connections in epoll loops, one per thread, each thread with a file-descriptor table of
/// its own, so that the descriptor limit (ulimit -n) counts per thread and the number of threads is
/// chosen to fit. Source addresses are spread over 127.0.0.0/8; `::1` is a single one, so that 28,000 connections go
/// to an IPv6 target at the most. Targets that are not on loopback are refused.
///
/// Exit code: 0 if all went well, 1 if anything failed, was lost, duplicated or out of order, 2 for
/// wrong usage.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Many subscribers of one topic: every message to every one of them.
    Fanout(FanoutArgs),
    /// Opens connections and holds them: accept rate, time to live, CPU and memory of each.
    Connect(ConnectArgs),
    /// All connections of one topic publish, and every one gets everything.
    Chat(ChatArgs),
    /// Many topics: each subscriber gets all of its topic, and nothing else.
    Topics(TopicsArgs),
    /// All subscribers leave at once and come back at once, beside steady ones.
    Storm(StormArgs),
    /// Some subscribers read slowly or not at all; the others must not notice.
    Slow(SlowArgs),
    /// A steady load for hours, with some who leave and return.
    Soak(SoakArgs),
    /// Misbehaves on purpose: slow request heads, and connections full of garbage.
    Hostile(HostileArgs),
    /// Every connection sends and waits for the same bytes to come back.
    Echo(EchoArgs),
    /// A yardstick server: an array of descriptors and a loop of send, or a bare echo.
    Floor(FloorArgs),
    /// Corecast against both yardsticks, interleaved, as ratios of CPU time.
    Ratio(RatioArgs),
    /// Makes the runs of a file in TOML, one after another.
    Run(RunArgs),
    /// A report with charts from figures that were written with --json.
    Report(ReportArgs),
    /// The figures of two runs side by side, with ratios and what got better or worse.
    Compare(CompareArgs),
}

const FANOUT_EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --tcp-topic news` in another terminal:
  Each message when all have the one before, 10,000 subscribers, CPU of the server per delivery:
    loadtest fanout --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 -m 200 --server-pid $(pidof -s corecast)
  A fixed schedule of 100 messages a second for 10 s, latency from the scheduled time:
    loadtest fanout --url 'ws://127.0.0.1:8080/sub/{topic}' -n 1000 --rate 100 --duration 10
  Published over TCP, received over WebSocket and TCP, the order of 4 publishers compared:
    loadtest fanout --url ws://127.0.0.1:8080/sub/news --url tcp://127.0.0.1:9000 \\
      --publish-url tcp://127.0.0.1:9000 --publishers 4
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
    /// Where subscribers connect: ws://127.0.0.1:PORT/PATH or tcp://127.0.0.1:PORT. `{topic}` stands
    /// for the topic. May be repeated; subscribers take them in turn.
    #[arg(long, required = true)]
    pub(crate) url: Vec<String>,
    /// Where publishers connect [default: the first --url, /sub/ replaced by /pub/]. May be repeated.
    #[arg(long)]
    pub(crate) publish_url: Vec<String>,
    /// Stands in the place of `{topic}` [default: a fresh name].
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Subscribers, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Connections that publish, beside the subscribers, at least 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..i64::from(u32::MAX)))]
    pub(crate) publishers: u32,
    /// Messages of all publishers together, at least 1.
    #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    pub(crate) payload: u32,
    /// Messages per second of all publishers, at a fixed schedule. Without it each publisher waits
    /// until all subscribers have its message.
    #[arg(long, value_parser = crate::scene::rate)]
    pub(crate) rate: Option<f64>,
    /// Seconds of the schedule; RATE x DURATION messages are sent.
    #[arg(long, requires = "rate", conflicts_with = "messages", value_parser = seconds)]
    pub(crate) duration: Option<f64>,
    /// Seconds to keep all connections open after the last message, answering pings.
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    pub(crate) hold: f64,
    /// Stop opening at N1 and at N2 connections, read the server's memory, report the slope.
    #[arg(
        long,
        value_name = "N1,N2",
        value_delimiter = ',',
        num_args = 1,
        requires = "server_pid"
    )]
    pub(crate) pss_at: Vec<u32>,
    /// Subscribers ask for permessage-deflate without context takeover (RFC 7692) and insist on it.
    #[arg(long)]
    pub(crate) deflate: bool,
    /// What messages are filled with behind their stamp of 24 bytes.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) filler: Filler,
    /// Microseconds, below 1000000, that client threads rest between turns, so that the server is not charged with
    /// waking them for each delivery. Adds as much to latencies
    /// [default: 200, with --rate 0].
    #[arg(long, value_name = "US", value_parser = clap::value_parser!(u32).range(..1_000_000))]
    pub(crate) gather: Option<u32>,
    /// How long its messages may take.
    #[command(flatten)]
    pub(crate) phase: DeadlineArgs,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Every connection sends and waits for the same bytes to come back.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest echo --url ws://127.0.0.1:8080/echo -n 100 -m 1000")]
pub(crate) struct EchoArgs {
    /// Where to connect: ws://127.0.0.1:PORT/PATH or tcp://127.0.0.1:PORT. May be repeated.
    #[arg(long, required = true)]
    pub(crate) url: Vec<String>,
    /// Connections, each with one message under way.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Messages of each connection.
    #[arg(short, long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
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

/// A yardstick server: an array of descriptors and a loop of send, or a bare echo.
///
/// One thread, one topic whatever the path. /pub/... does not receive, /sub/... and /ws/... do;
/// TCP connections do both. Prints `listening http ADDR`, `listening tcp ADDR` and `pid PID` on
/// stdout. Ends on SIGTERM.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest floor --http 127.0.0.1:0 --mode fanout --call inline")]
pub(crate) struct FloorArgs {
    /// Address for WebSocket; port 0 takes a free one.
    #[arg(long, required_unless_present = "tcp")]
    pub(crate) http: Option<SocketAddrV4>,
    /// Address for length-prefixed TCP; port 0 takes a free one.
    #[arg(long)]
    pub(crate) tcp: Option<SocketAddrV4>,
    /// What it does.
    #[arg(long, value_enum, default_value_t = FloorMode::Fanout)]
    pub(crate) mode: FloorMode,
    /// How send is called.
    #[arg(long, value_enum, default_value_t = Call::Inline)]
    pub(crate) call: Call,
    /// Accepts WebSocket connections only once their request has come, tcp(7) `TCP_DEFER_ACCEPT`.
    #[arg(long)]
    pub(crate) defer_accept: bool,
    /// TCP connections publish and do not receive.
    #[arg(long)]
    pub(crate) tcp_publish_only: bool,
    /// Lies once, so that tests see it found out.
    #[arg(long, value_enum, hide = true)]
    pub(crate) fault: Option<Fault>,
}

/// What a floor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloorMode {
    /// One send per subscriber and message.
    Fanout,
    /// Read what is pending, then one send per subscriber of all of it.
    Batch,
    /// Send back what came.
    Echo,
}

/// How a floor calls send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Call {
    /// Through libc's function, as a C program does.
    Libc,
    /// The system call instruction in the loop itself.
    Inline,
}

/// What a floor does to one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Never sends it.
    Drop,
    /// Sends it twice.
    Duplicate,
    /// Sends it after the next one.
    Swap,
    /// Changes one byte.
    Corrupt,
}

const RATIO_EXAMPLES: &str = "\
Example:
  loadtest ratio --corecast target/release/corecast --connections 5000,10000 --payload 64,1024";

/// Corecast against both yardsticks, interleaved, as ratios of CPU time.
///
/// Each round starts the libc floor, the inlined floor and corecast in turn, puts the same load on
/// each, and ends it; every round begins with another one. The server is pinned to the first CPU and
/// the client to the others. A round counts if no run failed, CPU times were read, the client was
/// less than 95 % busy, CPUs were apart (or --no-pin), and the floors of fanout and batch spent less
/// than 3 % in user space; most rounds have to count.
#[derive(Args, Clone, Debug)]
#[command(after_help = RATIO_EXAMPLES)]
pub(crate) struct RatioArgs {
    /// The corecast program.
    #[arg(long)]
    pub(crate) corecast: PathBuf,
    /// What is compared: fanout and batch (with --rate) per delivery, echo per round trip.
    #[arg(long, value_enum, default_value_t = FloorMode::Fanout)]
    pub(crate) mode: FloorMode,
    /// Rounds; the median is taken.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Connections, a list.
    #[arg(short = 'n', long, value_delimiter = ',', default_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: Vec<u32>,
    /// Bytes of each message, 24 to 16777216, a list.
    #[arg(short, long, value_delimiter = ',', default_value = "64", value_parser = payload_bytes())]
    pub(crate) payload: Vec<u32>,
    /// Messages of a run; with echo, of each connection.
    #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) messages: u32,
    /// Messages per second at a fixed schedule instead of each after the one before.
    #[arg(long, value_parser = crate::scene::rate)]
    pub(crate) rate: Option<f64>,
    /// Microseconds that client threads rest between turns, as with fanout.
    #[arg(long, value_name = "US", value_parser = clap::value_parser!(u32).range(..1_000_000))]
    pub(crate) gather: Option<u32>,
    /// Subscribers connect over length-prefixed TCP instead of WebSocket.
    #[arg(long)]
    pub(crate) tcp: bool,
    /// Leave it to the kernel where server and client run.
    #[arg(long)]
    pub(crate) no_pin: bool,
    /// Where the figures go.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
