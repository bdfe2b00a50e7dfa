//! What the commands that load a server have in common.

use clap::builder::RangedI64ValueParser;
use clap::{Args, value_parser};

use crate::cli::OutputArgs;
use crate::scene::seconds;

/// What all client commands take.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ClientArgs {
    /// Client threads [default: number of CPUs, or as many as the descriptor limit asks for].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Process of the server, for its CPU time and memory.
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Do not first see whether one message goes through.
    #[arg(long)]
    pub(crate) no_preflight: bool,
    /// Seconds without progress after which the run ends with what is missing.
    #[arg(long, default_value_t = 60.0, value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Seconds between samples of what the report shows over time, 0 for none
    /// [default: 0.2, doubled whenever there are 600].
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) sample_every: Option<f64>,
    /// Do not show how far the run is.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Where the figures go.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What the commands with a phase of messages that comes to an end take.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DeadlineArgs {
    /// Seconds of the message phase after which the run ends, failed, with what has arrived by then
    /// [default: as long as anything arrives].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) deadline: Option<f64>,
}

/// Reads the bytes of a message: from those of its stamp ([`STAMP_BYTES`]) up to 16 MiB, the most
/// that the server can be told to take.
///
/// [`STAMP_BYTES`]: crate::message::STAMP_BYTES
pub(crate) fn payload_bytes() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(24..=16 << 20)
}
