//! The commands and their help.

mod output;

use clap::{Parser, Subcommand};

use crate::broadcast::cli::{ChatArgs, FanoutArgs, TopicsArgs};
use crate::connect::cli::ConnectArgs;
use crate::echo::EchoArgs;
use crate::floor::cli::FloorArgs;
use crate::hostile::cli::HostileArgs;
use crate::ratio::cli::RatioArgs;
use crate::slow::cli::SlowArgs;
use crate::soak::cli::SoakArgs;
use crate::storm::cli::StormArgs;

pub(crate) use crate::cli::output::{CompareArgs, ReportArgs, RunArgs};

/// Loads a message server on this host and checks every delivery.
///
/// Opens connections in epoll loops, one per thread, each thread with a file-descriptor table of
/// its own, so that the descriptor limit (ulimit -n) counts per thread and the number of threads is
/// chosen to fit. Source addresses are spread over 127.0.0.0/8; `::1` is a single one, so that at
/// most 28,000 connections go to an IPv6 target. Targets that are not on loopback are refused.
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
    /// A steady load for hours, while some leave and return.
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
