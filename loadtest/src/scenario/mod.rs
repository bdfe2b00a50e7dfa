//! Runs of a file, one after another, each with a report, and a page of all.

mod expect;
mod file;
mod flags;
mod index;
mod problem;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::{Map, Value};

use crate::cli::RunArgs;
use crate::dispatch;
use crate::leader::RunError;
use crate::page;
use crate::report;
use crate::scenario::expect::Outcome;
use crate::scenario::file::{File, Run, Server};
use crate::spawned::{Needs, Spawned};

/// What became of one run.
#[derive(Debug)]
struct Made {
    name: String,
    command: String,
    /// It passed, and all expectations were met.
    is_good: bool,
    /// Why there is no report, if there is none.
    failure: Option<String>,
    figures: Map<String, Value>,
}

/// Makes the runs; says whether all went well.
///
/// # Errors
///
/// The file is wrong, or the reports cannot be written. A run that fails is in the page.
pub(crate) fn run(args: &RunArgs) -> Result<bool, RunError> {
    let name = args.file.display().to_string();
    let text = report::read_text(&args.file)?;
    let file = file::parse(&name, &text).map_err(RunError::Usage)?;
    let is_asked = |run: &&Run| args.only.is_empty() || args.only.contains(&run.name);
    let runs: Vec<&Run> = file.runs.iter().filter(is_asked).collect();
    prepare(&name, args, &file, &runs).map_err(RunError::Usage)?;
    let mut all = Vec::new();
    for run in runs {
        writeln!(io::stdout(), "== {}", run.name)?;
        let made = make(run, file.server.as_ref(), &args.out)?;
        if let Some(failure) = &made.failure {
            writeln!(io::stdout(), "failed         {failure}")?;
        }
        all.push(made);
    }
    report::write(&args.out.join("index.html"), &index::page(&name, &all))?;
    Ok(all.iter().all(|made| made.is_good))
}

/// Sees that all runs can be made and told of.
fn prepare(name: &str, args: &RunArgs, file: &File, runs: &[&Run]) -> Result<(), String> {
    let mut wrong: Vec<String> = Vec::new();
    for only in &args.only {
        if !file.runs.iter().any(|run| run.name == *only) {
            let known: Vec<&str> = file.runs.iter().map(|run| run.name.as_str()).collect();
            let known = known.join(", ");
            wrong.push(format!("there is no run `{only}`: there are {known}"));
        }
    }
    if let Some(server) = file.server.as_ref().filter(|server| !server.is_there()) {
        let program = &server.program;
        wrong.push(format!(
            "there is no program `{program}` to start: build it, or name another"
        ));
    }
    match fs::create_dir_all(&args.out) {
        Err(error) => wrong.push(format!("{}: {error}", args.out.display())),
        Ok(()) => {
            let names = runs.iter().map(|run| run.name.as_str());
            let pages = names
                .clone()
                .chain(["index"])
                .map(|name| format!("{name}.html"));
            let files = pages.chain(names.map(|name| format!("{name}.json")));
            for path in files.map(|file| args.out.join(file)) {
                if let Err(RunError::Failed(text) | RunError::Usage(text)) =
                    report::try_write(&path)
                {
                    wrong.push(text);
                }
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let lines: String = wrong.iter().map(|line| format!("\n  {line}")).collect();
    Err(format!("{name}: nothing was run:{lines}"))
}

fn make(run: &Run, server: Option<&Server>, out: &Path) -> Result<Made, RunError> {
    let json = out.join(format!("{}.json", run.name));
    // Figures of an earlier run must not be taken for those of this one.
    drop(fs::remove_file(&json));
    let mut made = Made {
        name: run.name.clone(),
        command: run.command.clone(),
        is_good: false,
        failure: None,
        figures: Map::new(),
    };
    match play(run, server, &json) {
        Ok(passed) => made.is_good = passed,
        Err(RunError::Failed(text) | RunError::Usage(text)) => {
            made.failure = Some(text);
            return Ok(made);
        }
    }
    made.figures = report::read(&json)?;
    let outcomes: Vec<Outcome> = run
        .expectations
        .iter()
        .map(|expected| expected.judge(&made.figures))
        .collect();
    for Outcome {
        figure,
        expected,
        found,
        met,
    } in &outcomes
    {
        let (word, found) = (
            if *met { "met" } else { "NOT MET" },
            found.map_or("none".to_owned(), |found| found.to_string()),
        );
        writeln!(
            io::stdout(),
            "expected       {figure} {expected}: {found}, {word}"
        )?;
        made.is_good &= met;
    }
    let outcomes = outcomes
        .iter()
        .filter_map(|outcome| serde_json::to_value(outcome).ok());
    made.figures
        .insert("expectations".to_owned(), outcomes.collect());
    report::write_json(&json, &made.figures)
        .map_err(|error| RunError::Failed(format!("{}: {error}", json.display())))?;
    report::write(&json.with_extension("html"), &page::page(&made.figures))?;
    Ok(made)
}

/// Starts the server, makes the run, ends the server.
fn play(run: &Run, server: Option<&Server>, json: &Path) -> Result<bool, RunError> {
    let mut words = run.words.clone();
    words.push(format!("--json={}", json.display()));
    let has = |place: &str| words.iter().any(|word| word.contains(place));
    let needs = Needs {
        http: has("{http}"),
        tcp: has("{tcp}"),
    };
    let spawned = server.map(|server| start(server, needs)).transpose()?;
    if let Some(spawned) = &spawned {
        let (http, tcp) = (spawned.http.to_string(), spawned.tcp.to_string());
        words
            .iter_mut()
            .for_each(|word| *word = word.replace("{http}", &http).replace("{tcp}", &tcp));
        if flags::has(&run.command, "server-pid") {
            words.push(format!("--server-pid={}", spawned.pid()));
        }
    }
    dispatch::dispatch(&words)
}

fn start(server: &Server, needs: Needs) -> io::Result<Spawned> {
    let mut command = match server.program.as_str() {
        "loadtest" => Command::new(env::current_exe()?),
        program => Command::new(program),
    };
    Spawned::start_with(command.args(&server.args), needs)
}
