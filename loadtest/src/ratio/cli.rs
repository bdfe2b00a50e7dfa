//! The flags of `ratio` and their help.

use std::path::PathBuf;

use clap::Args;

use crate::flags::{OutputArgs, payload_bytes};
use crate::floor::cli::FloorMode;

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
    #[arg(long, value_parser = crate::flags::rate)]
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
