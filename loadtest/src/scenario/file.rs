//! A scenario file: named runs, what they have in common, and the server to start for each.
//!
//! Flags are those of the commands, taken from clap, so that nothing is defined twice here.

use std::env;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::expect::Expectation;
use crate::scenario::flags::{self, Flag};
use crate::scenario::problem::Problems;

/// What a file asks for.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) server: Option<Server>,
    pub(super) runs: Vec<Run>,
}

/// The program to start before each run.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// `loadtest` is this program itself.
    pub(super) program: String,
    pub(super) args: Vec<String>,
}

impl Server {
    /// Whether there is such a program: at its path, or in a directory of `PATH`.
    pub(super) fn is_there(&self) -> bool {
        let path = Path::new(&self.program);
        if self.program == "loadtest" || self.program.contains('/') {
            return self.program == "loadtest" || path.is_file();
        }
        let all = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&all).any(|directory| directory.join(path).is_file())
    }
}

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) command: String,
    /// Its words on the command line, `{http}` and `{tcp}` still in them.
    pub(super) words: Vec<String>,
    pub(super) expectations: Vec<Expectation>,
}

type Entry<'a, 'i> = (
    &'a Spanned<std::borrow::Cow<'i, str>>,
    &'a Spanned<DeValue<'i>>,
);

/// Reads a file.
///
/// # Errors
///
/// Every problem in it, with its line and key.
pub(super) fn parse(name: &str, text: &str) -> Result<File, String> {
    let mut problems = Problems::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        problems.add(&error.span().unwrap_or(0..0), error.message());
    }
    let root = root.into_inner();
    let mut file = File::default();
    let (mut defaults, mut runs) = (Vec::new(), Vec::new());
    for (key, value) in &root {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("defaults", DeValue::Table(table)) => defaults = entries(table),
            ("server", DeValue::Table(table)) => {
                file.server = server(table, &value.span(), &mut problems);
            }
            ("run", DeValue::Array(array)) => runs = array.iter().collect(),
            ("defaults" | "server", _) => {
                problems.add(&key.span(), format!("`{}` must be a table", key.get_ref()));
            }
            ("run", _) => problems.add(&key.span(), "`run` must be a list of tables: [[run]]"),
            (other, _) => problems.add(
                &key.span(),
                format!("unknown key `{other}`: there are defaults, server and run"),
            ),
        }
    }
    if runs.is_empty() {
        problems.add(&(0..0), "there is no [[run]]");
    }
    let mut is_used = vec![false; defaults.len()];
    for value in runs {
        let DeValue::Table(table) = value.get_ref() else {
            problems.add(&value.span(), "a run must be a table");
            continue;
        };
        let run = run(
            table,
            &value.span(),
            (&defaults, &mut is_used),
            &mut problems,
        );
        file.runs.extend(run);
    }
    for ((key, _), is_used) in defaults.iter().zip(is_used) {
        if !is_used {
            problems.add(
                &key.span(),
                format!("`{}` is a flag of no run's command", key.get_ref()),
            );
        }
    }
    check(&file, &mut problems);
    if problems.is_empty() {
        Ok(file)
    } else {
        Err(problems.told(name))
    }
}

fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    table.iter().collect()
}

fn server(table: &DeTable<'_>, at: &Range<usize>, problems: &mut Problems<'_>) -> Option<Server> {
    let mut server = Server::default();
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("program", DeValue::String(program)) => server.program = program.to_string(),
            ("program", _) => problems.add(&value.span(), "`program` must be a text"),
            ("args", DeValue::Array(words)) => {
                for word in words.iter() {
                    match flags::text(word.get_ref()) {
                        Some(word) => server.args.push(word),
                        None => {
                            problems
                                .add(&word.span(), "`args` must be a list of texts and numbers");
                        }
                    }
                }
            }
            ("args", _) => problems.add(&value.span(), "`args` must be a list"),
            (other, _) => problems.add(
                &key.span(),
                format!("unknown key `{other}`: a server has program and args"),
            ),
        }
    }
    if server.program.is_empty() {
        problems.add(at, "the server has no `program`");
        return None;
    }
    Some(server)
}

fn run<'a, 'i>(
    table: &'a DeTable<'i>,
    at: &Range<usize>,
    (defaults, is_used): (&[Entry<'a, 'i>], &mut [bool]),
    problems: &mut Problems<'_>,
) -> Option<Run> {
    let before = problems.count();
    let text = |name: &str| {
        table
            .get(name)
            .map(|value| (value.span(), flags::text(value.get_ref())))
    };
    let mut must_have = |name: &str| match text(name) {
        Some((_, Some(text))) => Some(text),
        Some((at, None)) => {
            problems.add(&at, format!("`{name}` must be a text"));
            None
        }
        None => {
            problems.add(at, format!("a run has no `{name}`"));
            None
        }
    };
    let (name, command) = (must_have("name"), must_have("command"));
    let command = command?;
    let Some(known) = flags::command(&command) else {
        let at = table
            .get("command")
            .map_or_else(|| at.clone(), Spanned::span);
        problems.add(
            &at,
            format!(
                "`{command}` is no command that a file can run: {}",
                flags::commands()
            ),
        );
        return None;
    };
    let mut expectations = Vec::new();
    let mut given: Vec<Flag> = Vec::new();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "name" | "command" => {}
            "assert" => expectations = Expectation::parse(value, problems),
            _ => given.extend(flags::flag(&known, key, value, problems)),
        }
    }
    for ((key, value), is_used) in defaults.iter().zip(is_used) {
        if key.get_ref() == "assert" {
            *is_used = true;
            if !table.contains_key("assert") {
                expectations = Expectation::parse(value, problems);
            }
            continue;
        }
        let Some(arg) = flags::find(&known, key.get_ref()) else {
            continue;
        };
        *is_used = true;
        if !given
            .iter()
            .any(|flag| Some(flag.name.as_str()) == arg.get_long())
        {
            given.extend(flags::flag(&known, key, value, problems));
        }
    }
    let words = flags::words(&command, given, at, problems);
    if problems.count() == before {
        problems.extend(at, flags::impossible(&words));
    }
    Some(Run {
        name: name?,
        command,
        words,
        expectations,
    })
}

/// What only shows when all is read.
fn check(file: &File, problems: &mut Problems<'_>) {
    for (index, run) in file.runs.iter().enumerate() {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if run.name.is_empty()
            || run.name.starts_with('.')
            || !run.name.chars().all(is_plain)
            || run.name == "index"
        {
            let text = format!(
                "`{}` is no name for a file: take letters, digits, - and _",
                run.name
            );
            problems.add(&(0..0), text);
        }
        if file.runs[..index]
            .iter()
            .any(|other| other.name == run.name)
        {
            problems.add(&(0..0), format!("two runs are named `{}`", run.name));
        }
        let wants_server = run
            .words
            .iter()
            .any(|word| word.contains("{http}") || word.contains("{tcp}"));
        if wants_server && file.server.is_none() {
            problems.add(
                &(0..0),
                format!(
                    "`{}` has {{http}} or {{tcp}}, and there is no [server]",
                    run.name
                ),
            );
        }
    }
}
