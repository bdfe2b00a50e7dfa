//! What the commands that load a server have in common: targets, threads, memory.

use std::process;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;

use crate::app::{App, Plan, Reading};
use crate::cli::ClientArgs;
use crate::clock::now_ns;
use crate::control::Control;
use crate::crew::{self, Crew};
use crate::leader::{Leader, RunError};
use crate::message::Form;
use crate::opener::Habits;
use crate::procfs;
use crate::series::Watch;
use crate::socket::IPV6_CONNS_MAX;
use crate::url::Target;

/// Memory is read when the server has had this long to come to rest.
const SETTLE_MEMORY: Duration = Duration::from_millis(200);

/// Tells this run from others.
pub(crate) fn fresh_run() -> u32 {
    u32::try_from(now_ns() & u64::from(u32::MAX)).unwrap_or(0) ^ process::id()
}

/// The topic that was asked for, or a fresh one.
pub(crate) fn topic_of(run: u32, wanted: Option<&String>) -> String {
    wanted.map_or_else(|| format!("load-{run:08x}"), String::clone)
}

/// Reads URLs, with `topic` in the place of `{topic}`, for this many connections in all.
///
/// # Errors
///
/// One is malformed, not on loopback, or gets more connections than `::1` has ports.
pub(crate) fn targets(urls: &[String], topic: &str, conns: usize) -> Result<Vec<Target>, RunError> {
    let parse = |url: &String| Target::parse(url, topic).map_err(RunError::Usage);
    let targets: Vec<Target> = urls.iter().map(parse).collect::<Result<_, _>>()?;
    check_ports(&targets, conns)?;
    Ok(targets)
}

/// Where a publisher connects: to the URL that was asked for, or to where the `first` subscriber
/// does, to publish.
///
/// # Errors
///
/// The URL is malformed or not on loopback.
pub(crate) fn publish_target(
    wanted: Option<&String>,
    topic: &str,
    first: &Target,
) -> Result<Target, RunError> {
    match wanted {
        Some(url) => Target::parse(url, topic).map_err(RunError::Usage),
        None => Ok(first.for_publishing()),
    }
}

/// Says so where connections would run out of source ports.
///
/// # Errors
///
/// An IPv6 target gets more than `::1` has ports.
pub(crate) fn check_ports(targets: &[Target], conns: usize) -> Result<(), RunError> {
    let Some(target) = targets.iter().find(|target| target.addr.is_ipv6()) else {
        return Ok(());
    };
    let same = |other: &&Target| other.addr == target.addr;
    let share = targets.iter().filter(same).count();
    if conns.div_ceil(targets.len()).saturating_mul(share) <= IPV6_CONNS_MAX {
        return Ok(());
    }
    Err(RunError::Usage(format!(
        "{target}: IPv6 has one loopback address, whose ports are enough for {IPV6_CONNS_MAX} \
         connections to one target; ask for fewer, or take 127.0.0.1"
    )))
}

/// Client threads for this many connections.
///
/// # Errors
///
/// The descriptor limit is too low.
pub(crate) fn threads(client: &ClientArgs, conns: usize) -> Result<usize, RunError> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = crew::threads_for(conns, client.threads.unwrap_or(cpus).max(1))?;
    Ok(threads.min(conns.max(1)))
}

/// A plan in which nothing is out of the ordinary.
pub(crate) fn plan(name: &'static str, targets: Vec<Target>, conns: usize, form: &Form) -> Plan {
    Plan {
        name,
        targets,
        conns,
        payload_max: form.payload_len(),
        gather: Duration::ZERO,
        first_source: 0,
        habits: Habits::SHORT,
        reading: Reading::All,
        deflate: false,
        numbering: None,
    }
}

/// Starts a crew of as many threads as it needs; `app` gets the thread and the threads.
///
/// # Errors
///
/// No thread could be started, or the descriptor limit is too low.
pub(crate) fn crew<A: App>(
    plan: Plan,
    threads: usize,
    leader: &Leader,
    mut app: impl FnMut(usize, usize, &Arc<Control>) -> A,
) -> Result<Crew<A>, RunError> {
    let control = Arc::new(Control::new(threads)?);
    let handed = Arc::clone(&control);
    let crew = Crew::start(plan, control, &[], &leader.sender, |thread| {
        app(thread, threads, &handed)
    })?;
    Ok(crew)
}

/// What a series shows of crews with these counters and threads: connections that are open, and
/// the server.
pub(crate) fn watch(pid: Option<u32>, crews: Vec<Arc<Control>>, tids: Vec<u32>) -> Watch {
    let mut watch = Watch {
        server_pid: pid,
        tids,
        ..Watch::default()
    };
    watch.gauge("connections", move || {
        crews.iter().map(|crew| crew.open_now()).sum()
    });
    watch
}

/// The server's memory once it has come to rest, in bytes; zero where its process is not known.
///
/// # Errors
///
/// It cannot be read, or a thread failed.
pub(crate) fn pss(leader: &mut Leader, pid: Option<u32>) -> Result<u64, RunError> {
    let Some(pid) = pid else { return Ok(0) };
    leader.pause(SETTLE_MEMORY)?;
    pss_now(Some(pid))
}

/// The same at once.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn pss_now(pid: Option<u32>) -> Result<u64, RunError> {
    let Some(pid) = pid else { return Ok(0) };
    procfs::pss_bytes(pid)
        .map_err(|error| RunError::Failed(format!("memory of process {pid}: {error}")))
}

/// Reads a length of time: seconds, or a number with `s`, `m` or `h`.
///
/// # Errors
///
/// It is neither.
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
///
/// # Errors
///
/// They are.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok();
    let is_time = |seconds: &f64| Duration::try_from_secs_f64(*seconds).is_ok();
    let wrong = || format!("{text:?} is no number of seconds from 0 on");
    seconds.filter(is_time).ok_or_else(wrong)
}

/// Reads how many there are to be in a second: above 0, and at most 100 million.
///
/// # Errors
///
/// It is not.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = churn(text)?;
    let wrong = || "a rate must be above 0".to_owned();
    Some(rate).filter(|rate| 0.0 < *rate).ok_or_else(wrong)
}

/// Reads how many there are to be in a second, which may be none.
///
/// # Errors
///
/// It is no number, below 0, or above 100 million.
pub(crate) fn churn(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok();
    let wrong = || format!("{text:?} is no number from 0 to 100000000");
    rate.filter(|rate| (0.0..=1e8).contains(rate))
        .ok_or_else(wrong)
}

/// Reads a length of time as [`duration`] does, which must not be 0.
///
/// # Errors
///
/// It is none, or 0.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let wrong = || "a length of time must be above 0 here".to_owned();
    Some(time).filter(|time| !time.is_zero()).ok_or_else(wrong)
}

/// Reads a number from 1 on.
pub(crate) fn from_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("0.5s"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("3"), Ok(Duration::from_secs(3)));
        for wrong in ["", "h", "-1s", "3d", "1e999"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_not_below_zero() {
        assert_eq!(seconds("0"), Ok(0.0));
        assert_eq!(seconds("1.5"), Ok(1.5));
        for wrong in ["", "x", "-1", "NaN", "inf"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_above_zero_and_churn_may_be_none() {
        assert_eq!(rate("0.5"), Ok(0.5));
        assert_eq!(churn("0"), Ok(0.0));
        for wrong in ["", "x", "-1", "NaN", "inf", "1e9"] {
            assert!(rate(wrong).is_err() && churn(wrong).is_err(), "{wrong}");
        }
        assert!(rate("0").is_err() && interval("0s").is_err());
        assert_eq!(interval("1s"), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn an_ipv6_target_has_one_source_address() {
        let urls = |urls: &[&str]| urls.iter().map(ToString::to_string).collect::<Vec<_>>();
        let v6 = urls(&["ws://[::1]:1/sub/a"]);
        assert!(targets(&v6, "", IPV6_CONNS_MAX).is_ok());
        assert!(targets(&v6, "", IPV6_CONNS_MAX + 1).is_err());
        let both = urls(&["ws://[::1]:1/sub/a", "ws://127.0.0.1:1/sub/a"]);
        assert!(targets(&both, "", 2 * IPV6_CONNS_MAX).is_ok());
        let twice = urls(&["ws://[::1]:1/sub/a", "ws://[::1]:1/sub/b"]);
        assert!(targets(&twice, "", 2 * IPV6_CONNS_MAX).is_err());
    }
}
