//! Load generator: opens many connections and checks every delivery.

mod app;
mod audience;
mod broadcast;
mod check;
mod churn;
mod cli;
mod client;
mod clock;
mod compare;
mod connect;
mod control;
mod crew;
mod crowd;
mod dispatch;
mod echo;
mod figures;
mod flags;
mod floor;
mod frame;
mod host;
mod hostile;
mod inflate;
mod leader;
mod listeners;
mod message;
mod opener;
mod order;
mod outbox;
mod owner;
mod page;
mod phase;
mod pin;
mod preflight;
mod procfs;
mod ratio;
mod reach;
mod record;
mod report;
mod scenario;
mod scene;
mod series;
mod show;
mod slow;
mod soak;
mod socket;
mod spawned;
mod storm;
mod sys;
mod targets;
mod timeline;
mod tls;
mod url;
mod warning;
mod worker;

use std::env;
use std::io::{Write, stderr};
use std::process::ExitCode;

use crate::leader::RunError;

fn main() -> ExitCode {
    let words: Vec<String> = env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let (text, code) = match dispatch::dispatch(&words) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(1),
        Err(RunError::Failed(text)) => (text, 1),
        Err(RunError::Usage(text)) => (text, 2),
    };
    // There is nowhere left to say that stderr is closed.
    drop(writeln!(stderr(), "loadtest: {text}"));
    ExitCode::from(code)
}
