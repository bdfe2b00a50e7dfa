//! The flags that commands share, and how values are read. It knows no command.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{RangedI64ValueParser, RangedU64ValueParser};
use clap::{Args, value_parser};

use crate::agents::AgentsArgs;
use crate::client::tokens::TokenArgs;
use crate::run::remote::RemoteArgs;
use crate::run::targets::fresh_run;

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
    #[arg(long, default_value_t = 60.0, value_parser = seconds_of)]
    pub(crate) timeout: f64,
    /// Seconds between samples of what the report shows over time, 0 for none
    /// [default: 0.2, doubled whenever there are 600].
    #[arg(long, value_name = "S", value_parser = seconds_of)]
    pub(crate) sample_every: Option<f64>,
    /// Do not show how far the run is.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Hosts that make the load for this one.
    #[command(flatten)]
    pub(crate) agents: AgentsArgs,
    /// Of hosts beside this one.
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// The tokens of its connections.
    #[command(flatten)]
    pub(crate) tokens: TokenArgs,
    /// Where the figures go.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ClientArgs {
    /// Tells this run from others: by what its leader says, if it is a part.
    pub(crate) fn run(&self) -> u32 {
        let task = self.agents.task.as_ref();
        task.map_or_else(fresh_run, |task| task.run)
    }
}

/// Where a command connects.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TopicArgs {
    /// Where to connect: ws://HOST:PORT/PATH or tcp://HOST:PORT, over TLS wss:// or tcps://. HOST
    /// is an address, `[::1]` for one of IPv6, or a name; for other hosts see --i-may-load.
    /// `{topic}` stands for the topic. For the structured protocol the topic stands behind
    /// `#`: ws://127.0.0.1:PORT/connection/websocket#{topic}, in protobuf with ?format=protobuf
    /// before the `#`. May be repeated; connections take them in turn.
    #[arg(long, required = true)]
    pub(crate) url: Vec<String>,
    /// Stands in the place of `{topic}` [default: a fresh name].
    #[arg(long)]
    pub(crate) topic: Option<String>,
}

/// What the commands with a phase of messages that comes to an end take.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DeadlineArgs {
    /// Seconds of the message phase after which the run ends, failed, with what has arrived by then
    /// [default: as long as anything arrives].
    #[arg(long, value_name = "SECONDS", value_parser = seconds_of)]
    pub(crate) deadline: Option<f64>,
}

/// Where the figures go, beside stdout.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Also write all figures to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Also write a report with charts, one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Reads the bytes of a message: from those of its stamp ([`STAMP_BYTES`]) up to 16 MiB, the most
/// that the server can be told to take.
///
/// [`STAMP_BYTES`]: crate::check::message::STAMP_BYTES
pub(crate) fn payload_bytes() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(24..=16 << 20)
}

/// Reads a length of time: seconds, or a number with `s`, `m` or `h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time: 90s, 10m, 2h or seconds");
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        _ => (text, 1.0),
    };
    let seconds: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds * unit).map_err(|_| wrong())
}

/// Reads seconds, which are neither below 0 nor without end.
pub(crate) fn seconds_of(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok();
    let is_time = |seconds: &f64| Duration::try_from_secs_f64(*seconds).is_ok();
    let wrong = || format!("{text:?} is no number of seconds from 0 on");
    seconds.filter(is_time).ok_or_else(wrong)
}

/// Reads how many there are to be in a second: above 0, and at most 100 million.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match churn(text)? {
        0.0 => Err("a rate must be above 0".to_owned()),
        rate => Ok(rate),
    }
}

/// Reads how many there are to be in a second, which may be none.
pub(crate) fn churn(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1e8).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is no number from 0 to 100000000"))
}

/// Reads a length of time as [`duration`] does, which must not be 0.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("a length of time must be above 0 here".to_owned()),
        time => Ok(time),
    }
}

/// Reads how many connections or messages there are to be: at least 1.
pub(crate) fn count() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..i64::from(u32::MAX))
}

/// The same from 2 on.
pub(crate) fn two_or_more() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(2..i64::from(u32::MAX))
}

/// Reads microseconds, less than a second.
pub(crate) fn micros() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(..1_000_000)
}

/// Reads a number from 1 on.
pub(crate) fn from_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_read_with_their_bounds() {
        for (text, millis) in [
            ("2h", 7_200_000),
            ("10m", 600_000),
            ("0.5s", 500),
            ("3", 3_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
        }
        for wrong in ["", "h", "-1s", "3d", "1e999"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!((seconds_of("0"), seconds_of("1.5")), (Ok(0.0), Ok(1.5)));
        assert_eq!((rate("0.5"), churn("0")), (Ok(0.5), Ok(0.0)));
        for wrong in ["", "x", "-1", "NaN", "inf"] {
            assert!(seconds_of(wrong).is_err(), "{wrong}");
            assert!(rate(wrong).is_err() && churn(wrong).is_err(), "{wrong}");
        }
        assert!(rate("1e9").is_err() && churn("1e9").is_err());
        assert!(rate("0").is_err() && interval("0s").is_err());
        assert_eq!(interval("1s"), Ok(Duration::from_secs(1)));
    }
}
