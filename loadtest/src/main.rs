//! Load generator: opens many connections and checks every delivery.

mod app;
mod check;
mod cli;
mod client;
mod clock;
mod control;
mod crew;
mod crowd;
mod echo;
mod fanout;
mod floor;
mod frame;
mod leader;
mod message;
mod opener;
mod order;
mod outbox;
mod phase;
mod pin;
mod procfs;
mod ratio;
mod reach;
mod record;
mod report;
mod socket;
mod spawned;
mod sys;
mod url;
mod worker;

use std::io::{Write, stderr};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::leader::RunError;
use crate::report::Table;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Fanout(args) => fanout::run(&args).and_then(|figures| {
            present(
                &figures.table(),
                &figures,
                args.client.json.as_deref(),
                figures.passed,
            )
        }),
        Command::Echo(args) => echo::run(&args).and_then(|figures| {
            present(
                &figures.table(),
                &figures,
                args.client.json.as_deref(),
                figures.passed,
            )
        }),
        Command::Ratio(args) => ratio::run(&args).and_then(|figures| {
            present(
                &figures.table(),
                &figures,
                args.json.as_deref(),
                figures.passed,
            )
        }),
        Command::Floor(args) => floor::run(&args).map(|()| true).map_err(RunError::Failed),
    };
    let (text, code) = match result {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(1),
        Err(RunError::Failed(text)) => (text, 1),
        Err(RunError::Usage(text)) => (text, 2),
    };
    // There is nowhere left to say that stderr is closed.
    drop(writeln!(stderr(), "loadtest: {text}"));
    ExitCode::from(code)
}

/// Prints a report and writes it as JSON where asked.
fn present(
    table: &Table,
    figures: &impl Serialize,
    json: Option<&Path>,
    passed: bool,
) -> Result<bool, RunError> {
    table.print()?;
    if let Some(path) = json {
        report::write_json(path, figures)
            .map_err(|error| RunError::Failed(format!("{}: {error}", path.display())))?;
    }
    Ok(passed)
}
