//! From words on a command line to a command, and from what it found to where that goes.

use std::io::{Write, stderr};

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command};
use crate::flags::OutputArgs;
use crate::host::Host;
use crate::leader::RunError;
use crate::opener::WINDOW;
use crate::report::{self, Document, Environment, Findings};
use crate::scene::Scenario;
use crate::url::Target;
use crate::warning::{self, Demand};
use crate::{compare, floor, owner, ratio, scenario};

#[derive(Debug)]
struct Request<'a> {
    words: &'a [String],
    matches: &'a ArgMatches,
}

/// Takes the arguments of any command that loads a server to the same expression, and those of the
/// others to their own.
macro_rules! each_load {
    ($command:expr, $args:ident => $load:expr, $($other:tt)*) => {
        match $command {
            Command::Fanout($args) => $load,
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
    let matches = &matches;
    let request = Request { words, matches };
    each_load!(cli.command, args => request.load(&args),
        Command::Ratio(args) => request.tell(&args.output, None, || ratio::run(&args)),
        Command::Report(args) => report::make_page(&args).map(|()| true),
        Command::Compare(args) => compare::run(&args),
        Command::Run(args) => scenario::run(&args),
        Command::Floor(args) => floor::run(&args).map(|()| true).map_err(RunError::Failed),
    )
}

/// Sees that what the words ask for is possible, program name first, without doing it.
pub(crate) fn check(words: &[String]) -> Result<(), RunError> {
    let usage = |error: clap::Error| RunError::Usage(error.to_string());
    let matches = Cli::command().try_get_matches_from(words).map_err(usage)?;
    let command = Cli::from_arg_matches(&matches).map_err(usage)?.command;
    each_load!(command, args => args.check(),
        Command::Ratio(args) => ratio::check(&args),
        Command::Report(_) | Command::Compare(_) | Command::Run(_) | Command::Floor(_) => Ok(()),
    )
}

impl Request<'_> {
    fn load(&self, scenario: &impl Scenario) -> Result<bool, RunError> {
        let client = scenario.client();
        self.tell(&client.output, client.server_pid, || scenario.run())
    }

    /// Sees that what comes after the run can be had: the files, and the server's figures.
    fn prepare(
        output: &OutputArgs,
        server_pid: Option<u32>,
        flags: &ArgMatches,
    ) -> Result<(), RunError> {
        if output.json.is_some() && output.json == output.html {
            let text = "--json and --html must be two files".to_owned();
            return Err(RunError::Usage(text));
        }
        for path in [&output.json, &output.html].into_iter().flatten() {
            report::try_write(path)?;
        }
        let Some(pid) = server_pid else {
            return Ok(());
        };
        let urls = flags.try_get_many::<String>("url").ok().flatten();
        let targets = urls.into_iter().flatten();
        let addrs = targets.filter_map(|url| Some(Target::parse(url, "").ok()?.addr));
        owner::check(pid, &addrs.collect::<Vec<_>>()).map_err(RunError::Usage)
    }

    /// Makes a run, prints what it found and writes it where asked.
    fn tell<F: Findings>(
        &self,
        output: &OutputArgs,
        server_pid: Option<u32>,
        run: impl FnOnce() -> Result<F, RunError>,
    ) -> Result<bool, RunError> {
        let (name, matches) = self.matches.subcommand().unwrap_or(("", self.matches));
        Self::prepare(output, server_pid, matches)?;
        let command = Cli::command();
        let flags = command
            .find_subcommand(name)
            .map(|command| report::parameters(command, matches))
            .unwrap_or_default();
        let environment = Environment::read(self.words, server_pid);
        let host = Host::read(server_pid);
        let demand = Demand::new(&flags, WINDOW as u64, host.cpus.len() as u64);
        let mut warnings = warning::before(&host, demand);
        if flags.get("quiet").is_none() {
            // A terminal that went away is no reason not to run.
            let tell = |warning| drop(writeln!(stderr(), "warning: {warning}"));
            warnings.iter().for_each(tell);
        }
        let findings = run()?;
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
}
