//! Load generator: opens many connections and checks every delivery.

mod agents;
mod check;
mod cli;
mod client;
mod clock;
mod commands;
mod flags;
mod host;
mod pubsub;
mod report;
mod run;
mod scenario;
mod sys;
mod url;

use std::env;
use std::io::{Write, stderr};
use std::process::ExitCode;

use crate::run::leader::RunError;

fn main() -> ExitCode {
    let words: Vec<String> = env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let (text, code) = match cli::dispatch(&words) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(1),
        Err(RunError::Failed(text)) => (text, 1),
        Err(RunError::Usage(text)) => (text, 2),
    };
    // There is nowhere left to say that stderr is closed.
    drop(writeln!(stderr(), "loadtest: {text}"));
    ExitCode::from(code)
}
