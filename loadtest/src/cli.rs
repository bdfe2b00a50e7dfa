//! The commands, and how their words become a run with its reports.

use std::io::{Write, stderr};
use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::agents::host::{self, AgentArgs};
use crate::client::opener::WINDOW;
use crate::commands::broadcast::cli::{ChatArgs, FanoutArgs, TopicsArgs};
use crate::commands::capacity::cli::CapacityArgs;
use crate::commands::connect::ConnectArgs;
use crate::commands::echo::EchoArgs;
use crate::commands::floor::FloorArgs;
use crate::commands::hostile::HostileArgs;
use crate::commands::ratio::RatioArgs;
use crate::commands::slow::SlowArgs;
use crate::commands::soak::SoakArgs;
use crate::commands::storm::StormArgs;
use crate::commands::{floor, ratio};
use crate::flags::{ClientArgs, OutputArgs};
use crate::host::admin::Reading;
use crate::host::environment::Environment;
use crate::host::warning::{self, Demand};
use crate::host::{Host, owner};
use crate::report::{self, Document, Findings, compare};
use crate::run::Scenario;
use crate::run::leader::RunError;
use crate::run::targets::usage;
use crate::scenario;
use crate::url::Target;

/// Loads a message server and checks every delivery.
///
/// Opens connections in epoll loops, one per thread, each thread with a file-descriptor table of
/// its own, so that the descriptor limit (ulimit -n) counts per thread and the number of threads is
/// chosen to fit. Source addresses are spread over 127.0.0.0/8 for targets there; for others see
/// --source. Targets that are not on loopback are refused unless --i-may-load names their host.
///
/// Exit code: 0 if all went well, 1 if anything failed, was lost, duplicated or out of order, 2 for
/// wrong usage.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Many subscribers of one topic: every message to every one of them.
    Fanout(FanoutArgs),
    /// How much a server holds: raises the load until its latency breaks or something gives out.
    Capacity(CapacityArgs),
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
    /// Makes parts of runs for a leader on another host.
    Agent(AgentArgs),
    /// Makes the runs of a file in TOML, one after another.
    Run(RunArgs),
    /// A report with charts from figures that were written with --json.
    Report(ReportArgs),
    /// The figures of two runs side by side, with ratios and what got better or worse.
    Compare(CompareArgs),
}

/// A report with charts from figures that were written with --json.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest report run.json --html run.html")]
pub(crate) struct ReportArgs {
    /// What --json wrote.
    #[arg(value_name = "RESULT.json")]
    pub(crate) result: PathBuf,
    /// The page [default: beside it, ending with .html].
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

const COMPARE_EXAMPLE: &str = "\
Example:
  loadtest compare before.json after.json --threshold 5 --html compared.html";

/// The figures of two runs side by side, with ratios and what got better or worse.
///
/// Refuses runs of different commands or flags. Exit code: 0, or 1 with --fail-on-regression if a
/// figure got worse, 2 if the runs cannot be compared.
#[derive(Args, Clone, Debug)]
#[command(after_help = COMPARE_EXAMPLE)]
pub(crate) struct CompareArgs {
    /// The run to compare with.
    #[arg(value_name = "BEFORE.json")]
    pub(crate) before: PathBuf,
    /// The run that is compared.
    #[arg(value_name = "AFTER.json")]
    pub(crate) after: PathBuf,
    /// Percent that a figure may differ and still be the same.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub(crate) threshold: f64,
    /// Exit code 1 if a figure got worse.
    #[arg(long)]
    pub(crate) fail_on_regression: bool,
    /// Compare whatever is different.
    #[arg(long)]
    pub(crate) force: bool,
    /// Also write a page with both.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Makes the runs of a file in TOML, one after another.
///
/// Each writes NAME.json and NAME.html, and all together index.html.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest run loadtest/scenarios/smoke.toml --out results")]
pub(crate) struct RunArgs {
    /// The runs.
    #[arg(value_name = "FILE.toml")]
    pub(crate) file: PathBuf,
    /// Make only the run of this name. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Where the reports go.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) out: PathBuf,
}

/// Takes the arguments of any command that loads a server to the same expression, and those of the
/// others to their own.
macro_rules! each_load {
    ($command:expr, $args:ident => $load:expr, $($other:tt)*) => {
        match $command {
            Command::Fanout($args) => $load,
            Command::Capacity($args) => $load,
            Command::Connect($args) => $load,
            Command::Chat($args) => $load,
            Command::Topics($args) => $load,
            Command::Storm($args) => $load,
            Command::Slow($args) => $load,
            Command::Hostile($args) => $load,
            Command::Soak($args) => $load,
            Command::Echo($args) => $load,
            $($other)*
        }
    };
}

/// Runs the command that the words ask for, program name first; says whether all went well. Flags
/// that clap refuses end the process with its help.
pub(crate) fn dispatch(words: &[String]) -> Result<bool, RunError> {
    let matches = Cli::command().get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    each_load!(cli.command, args => {
        let client = args.client();
        tell(words, &matches, &client.output, Some(client), |announce| {
            let setup = args.setup()?;
            announce();
            args.run(setup)
        })
    },
        Command::Ratio(args) => tell(words, &matches, &args.output, None, |_| ratio::run(&args)),
        Command::Report(args) => report::make_page(&args).map(|()| true),
        Command::Compare(args) => compare::run(&args),
        Command::Run(args) => scenario::run(&args),
        Command::Floor(args) => floor::run(&args).map(|()| true).map_err(RunError::Failed),
        Command::Agent(args) => host::run(&args).map(|()| true),
    )
}

/// The command that the words ask for, program name first.
pub(crate) fn command(words: &[String]) -> Result<Command, RunError> {
    let cli = Cli::try_parse_from(words);
    Ok(cli
        .map_err(|error| RunError::Usage(error.to_string()))?
        .command)
}

/// Sees that what the words ask for is possible, program name first, without doing it.
pub(crate) fn check(words: &[String]) -> Result<(), RunError> {
    each_load!(command(words)?, args => args.setup().map(drop),
        Command::Ratio(args) => ratio::check(&args),
        Command::Report(_) | Command::Compare(_) | Command::Run(_) | Command::Floor(_)
        | Command::Agent(_) => Ok(()),
    )
}

/// Sees that what comes after the run can be had: the files, and the server's figures.
fn prepare(
    output: &OutputArgs,
    client: Option<&ClientArgs>,
    urls: &[String],
) -> Result<(), RunError> {
    if output.json.is_some() && output.json == output.html {
        return usage("--json and --html must be two files");
    }
    for path in [&output.json, &output.html].into_iter().flatten() {
        report::try_write(path)?;
    }
    let Some(client) = client else {
        return Ok(());
    };
    if let Some(admin) = client.remote.admin
        && Reading::ask(admin).is_none()
    {
        return usage(&format!(
            "--admin {admin}: GET /metrics there has no answer of status 200; no token is sent: a \
             port that wants one answers only with admin.open_metrics"
        ));
    }
    let Some(pid) = client.server_pid else {
        return Ok(());
    };
    let targets = urls
        .iter()
        .filter_map(|url| client.remote.target(url, "").ok());
    let targets: Vec<Target> = targets.collect();
    if let Some(target) = targets.iter().find(|target| target.is_remote()) {
        return usage(&format!(
            "--server-pid is for a server on this host, and {target} is not; --admin asks one \
             elsewhere"
        ));
    }
    let addrs: Vec<_> = targets.iter().map(|target| target.addr).collect();
    owner::check(pid, &addrs).map_err(RunError::Usage)
}

/// The URLs among the flags.
fn urls(flags: &ArgMatches) -> Vec<String> {
    let named = flags.ids().filter(|id| id.as_str().ends_with("url"));
    let of = |id: &clap::Id| flags.try_get_many::<String>(id.as_str()).ok().flatten();
    named.filter_map(of).flatten().cloned().collect()
}

/// Makes a run, prints what it found and writes it where asked.
fn tell<F: Findings>(
    words: &[String],
    matches: &ArgMatches,
    output: &OutputArgs,
    client: Option<&ClientArgs>,
    run: impl FnOnce(&dyn Fn()) -> Result<F, RunError>,
) -> Result<bool, RunError> {
    let (name, matches) = matches.subcommand().unwrap_or(("", matches));
    let (urls, server_pid) = (urls(matches), client.and_then(|client| client.server_pid));
    prepare(output, client, &urls)?;
    let all = Cli::command();
    let flags = all.find_subcommand(name);
    let flags = flags.map(|command| report::parameters(command, matches));
    let flags = flags.unwrap_or_default();
    client.map_or(Ok(()), |client| client.agents.note(name, &flags))?;
    let environment = Environment::read(words, server_pid);
    let host = Host::read(server_pid);
    let demand = Demand::new(&flags, WINDOW as u64, host.cpus.len() as u64);
    let mut warnings = warning::before(&host, demand);
    if flags.get("quiet").is_none() {
        // A terminal that went away is no reason not to run.
        let tell = |warning| drop(writeln!(stderr(), "warning: {warning}"));
        warnings.iter().for_each(tell);
    }
    let announce = || {
        let client = client.iter();
        client.for_each(|client| client.remote.announce(name, &flags, &urls));
    };
    let findings = run(&announce)?;
    let mut document = Document::new(name, flags, environment, &findings)?;
    let after = Host::read(server_pid);
    warnings.extend(warning::after(&host, &after, &document.figures));
    let mut table = findings.table();
    table.warnings(&warnings);
    table.print()?;
    document.warn(&warnings);
    if let Some(path) = &output.json {
        report::write_json(path, &document)
            .map_err(|error| RunError::Failed(format!("{}: {error}", path.display())))?;
    }
    if let Some(path) = &output.html {
        report::write_page(path, &document)?;
    }
    Ok(findings.passed())
}
