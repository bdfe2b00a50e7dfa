//! From words on a command line to a command, and from what it found to where that goes.

use std::io::{Write, stderr};

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command, OutputArgs};
use crate::host::Host;
use crate::leader::RunError;
use crate::opener::WINDOW;
use crate::report::{self, Document, Environment, Findings};
use crate::url::Target;
use crate::warning::{self, Demand};
use crate::{
    chat, compare, connect, echo, fanout, floor, hostile, owner, ratio, scenario, slow, soak,
    storm, topics,
};

/// How a command was asked for.
#[derive(Debug)]
struct Request<'a> {
    words: &'a [String],
    matches: &'a ArgMatches,
    /// Where it was run, read before it.
    server_pid: Option<u32>,
}

/// Runs the command that the words ask for, program name first; says whether all went well.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side. Flags that clap refuses end the
/// process with its help.
pub(crate) fn dispatch(words: &[String]) -> Result<bool, RunError> {
    let matches = Cli::command().get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut request = Request {
        words,
        matches: &matches,
        server_pid: None,
    };
    match cli.command {
        Command::Fanout(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || fanout::run(&args))
        }
        Command::Connect(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || connect::run(&args))
        }
        Command::Chat(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || chat::run(&args))
        }
        Command::Topics(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || topics::run(&args))
        }
        Command::Storm(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || storm::run(&args))
        }
        Command::Slow(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || slow::run(&args))
        }
        Command::Soak(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || soak::run(&args))
        }
        Command::Hostile(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || hostile::run(&args))
        }
        Command::Echo(args) => {
            request.server_pid = args.client.server_pid;
            request.tell(&args.client.output, || echo::run(&args))
        }
        Command::Ratio(args) => request.tell(&args.output, || ratio::run(&args)),
        Command::Report(args) => report::make_page(&args).map(|()| true),
        Command::Compare(args) => compare::run(&args),
        Command::Run(args) => scenario::run(&args),
        Command::Floor(args) => floor::run(&args).map(|()| true).map_err(RunError::Failed),
    }
}

/// Sees that what the words ask for is possible, program name first, without doing it.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(words: &[String]) -> Result<(), RunError> {
    let usage = |error: clap::Error| RunError::Usage(error.to_string());
    let matches = Cli::command().try_get_matches_from(words).map_err(usage)?;
    match Cli::from_arg_matches(&matches).map_err(usage)?.command {
        Command::Fanout(args) => fanout::check(&args),
        Command::Connect(args) => connect::check(&args),
        Command::Chat(args) => chat::check(&args),
        Command::Topics(args) => topics::check(&args),
        Command::Storm(args) => storm::check(&args),
        Command::Slow(args) => slow::check(&args),
        Command::Soak(args) => soak::check(&args),
        Command::Hostile(args) => hostile::check(&args),
        Command::Echo(args) => echo::check(&args),
        Command::Ratio(args) => ratio::check(&args),
        Command::Report(_) | Command::Compare(_) | Command::Run(_) | Command::Floor(_) => Ok(()),
    }
}

impl Request<'_> {
    /// Sees that what comes after the run can be had: the files, and the server's figures.
    fn prepare(&self, output: &OutputArgs, flags: &ArgMatches) -> Result<(), RunError> {
        if output.json.is_some() && output.json == output.html {
            let text = "--json and --html must be two files".to_owned();
            return Err(RunError::Usage(text));
        }
        for path in [&output.json, &output.html].into_iter().flatten() {
            report::try_write(path)?;
        }
        let Some(pid) = self.server_pid else {
            return Ok(());
        };
        let urls = flags.try_get_many::<String>("url").ok().flatten();
        let targets = urls
            .into_iter()
            .flatten()
            .filter_map(|url| Target::parse(url, "").ok());
        let addrs: Vec<_> = targets.map(|target| target.addr).collect();
        owner::check(pid, &addrs).map_err(RunError::Usage)
    }

    /// Makes a run, prints what it found and writes it where asked.
    fn tell<F: Findings>(
        &self,
        output: &OutputArgs,
        run: impl FnOnce() -> Result<F, RunError>,
    ) -> Result<bool, RunError> {
        let (name, matches) = self.matches.subcommand().unwrap_or(("", self.matches));
        self.prepare(output, matches)?;
        let command = Cli::command();
        let command = command.find_subcommand(name);
        let flags = command
            .map(|command| report::parameters(command, matches))
            .unwrap_or_default();
        let environment = Environment::read(self.words, self.server_pid);
        let host = Host::read(self.server_pid);
        let mut warnings = warning::before(
            &host,
            Demand::new(&flags, WINDOW as u64, host.cpus.len() as u64),
        );
        if flags.get("quiet").is_none() {
            // A terminal that went away is no reason not to run.
            warnings
                .iter()
                .for_each(|warning| drop(writeln!(stderr(), "warning: {warning}")));
        }
        let findings = run()?;
        let mut document = Document::new(name, flags, environment, &findings)?;
        warnings.extend(warning::after(
            &host,
            &Host::read(self.server_pid),
            &document.figures,
        ));
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
