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

use serde_json::{Value, json};

use crate::cli;
use crate::cli::RunArgs;
use crate::host::spawned::{Needs, Spawned};
use crate::report;
use crate::report::page;
use crate::run::leader::RunError;
use crate::scenario::file::{File, Run, Server};

/// What became of one run.
struct RunResult {
    name: String,
    /// It passed, and all expectations were met.
    is_good: bool,
    /// Why there is no report, if there is none.
    failure: Option<String>,
    figures: Value,
}

/// Makes the runs; says whether all went well.
pub(crate) fn run(args: &RunArgs) -> Result<bool, RunError> {
    let name = args.file.display().to_string();
    let text = report::read_text(&args.file)?;
    let file = file::parse(&name, &text).map_err(RunError::Usage)?;
    let is_asked = |run: &&Run| args.only.is_empty() || args.only.contains(&run.name);
    let runs: Vec<&Run> = file.runs.iter().filter(is_asked).collect();
    let wrong = obstacles(args, &file, &runs);
    if !wrong.is_empty() {
        let lines = wrong.join("\n  ");
        return Err(RunError::Usage(format!(
            "{name}: nothing was run:\n  {lines}"
        )));
    }
    let mut all = Vec::new();
    for run in runs {
        writeln!(io::stdout(), "== {}", run.name)?;
        let result = make(run, file.server.as_ref(), &args.out)?;
        if let Some(failure) = &result.failure {
            writeln!(io::stdout(), "failed         {failure}")?;
        }
        all.push(result);
    }
    report::write(&args.out.join("index.html"), &index::page(&name, &all))?;
    Ok(all.iter().all(|result| result.is_good))
}

/// Why runs cannot be made or reported.
fn obstacles(args: &RunArgs, file: &File, runs: &[&Run]) -> Vec<String> {
    let known: Vec<&str> = file.runs.iter().map(|run| run.name.as_str()).collect();
    let unknown = args
        .only
        .iter()
        .filter(|only| !known.contains(&only.as_str()));
    let known = known.join(", ");
    let mut wrong: Vec<String> = unknown
        .map(|only| format!("there is no run `{only}`: there are {known}"))
        .collect();
    if let Some(Server { program, .. }) = file.server.as_ref().filter(|server| !server.is_there()) {
        wrong.push(format!(
            "there is no program `{program}` to start: build it, or name another"
        ));
    }
    if let Err(error) = fs::create_dir_all(&args.out) {
        wrong.push(format!("{}: {error}", args.out.display()));
        return wrong;
    }
    let of_run = |run: &&Run| [format!("{}.html", run.name), format!("{}.json", run.name)];
    let files = ["index.html".to_owned()]
        .into_iter()
        .chain(runs.iter().flat_map(of_run));
    let tried = files.map(|file| report::try_write(&args.out.join(file)));
    wrong.extend(tried.filter_map(|tried| Some(why(tried.err()?))));
    wrong
}

fn why(error: RunError) -> String {
    match error {
        RunError::Failed(text) | RunError::Usage(text) => text,
    }
}

fn make(run: &Run, server: Option<&Server>, out: &Path) -> Result<RunResult, RunError> {
    let json = out.join(format!("{}.json", run.name));
    // Figures of an earlier run must not be taken for those of this one.
    drop(fs::remove_file(&json));
    let passed = play(run, server, &json);
    let mut result = RunResult {
        name: run.name.clone(),
        is_good: matches!(passed, Ok(true)),
        failure: passed.err().map(why),
        figures: json!({ "command": run.command }),
    };
    if result.failure.is_some() {
        return Ok(result);
    }
    result.figures = report::read(&json)?;
    let judged = run
        .expectations
        .iter()
        .map(|expected| expected.judge(&result.figures));
    let outcomes: Vec<_> = judged.collect();
    for outcome in &outcomes {
        let found = outcome
            .found
            .map_or_else(|| "none".to_owned(), |found| found.to_string());
        let word = if outcome.met { "met" } else { "NOT MET" };
        let (figure, expected) = (&outcome.figure, &outcome.expected);
        writeln!(
            io::stdout(),
            "expected       {figure} {expected}: {found}, {word}"
        )?;
        result.is_good &= outcome.met;
    }
    result.figures["expectations"] = json!(outcomes);
    report::write_json(&json, &result.figures)
        .map_err(|error| RunError::Failed(format!("{}: {error}", json.display())))?;
    report::write(&json.with_extension("html"), &page::page(&result.figures))?;
    Ok(result)
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
        for word in &mut words {
            *word = word.replace("{http}", &http).replace("{tcp}", &tcp);
        }
        let command = flags::command(&run.command);
        if command.is_some_and(|command| flags::has(&command, "server-pid")) {
            words.push(format!("--server-pid={}", spawned.pid()));
        }
    }
    cli::dispatch(&words)
}

fn start(server: &Server, needs: Needs) -> io::Result<Spawned> {
    let mut command = match server.program.as_str() {
        "loadtest" => Command::new(env::current_exe()?),
        program => Command::new(program),
    };
    Spawned::start_with(command.args(server.args()), needs)
}
