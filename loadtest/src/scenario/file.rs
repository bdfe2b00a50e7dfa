//! A scenario file: named runs, what they have in common, and the server to start for each.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;

use serde::Deserialize;
use toml::{Spanned, Value};

use crate::scenario::expect::Expectation;
use crate::scenario::flags;
use crate::scenario::problem::Problems;

/// Keys of a table with their values, and where both are.
pub(super) type Keys = BTreeMap<Spanned<String>, Spanned<Value>>;

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default)]
    defaults: Keys,
    server: Option<Server>,
    run: Vec<Spanned<Keys>>,
}

/// What a file asks for.
#[derive(Debug)]
pub(super) struct File {
    pub(super) server: Option<Server>,
    pub(super) runs: Vec<Run>,
}

/// The program to start before each run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// `loadtest` is this program itself.
    pub(super) program: String,
    /// Texts and numbers.
    #[serde(default)]
    args: Vec<Value>,
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

impl Server {
    /// The words that it is started with.
    pub(super) fn args(&self) -> impl Iterator<Item = String> {
        self.args.iter().map(|arg| match arg {
            Value::String(text) => text.clone(),
            other => other
                .as_integer()
                .map_or_else(String::new, |number| number.to_string()),
        })
    }

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

/// Reads a file.
pub(super) fn parse(name: &str, text: &str) -> Result<File, String> {
    let mut problems = Problems::new(text);
    let source: Source = toml::from_str(text).map_err(|error| {
        problems.add(error.span().unwrap_or(0..0), error.message());
        problems.told(name)
    })?;
    let mut used = BTreeSet::new();
    let mut runs: Vec<Run> = Vec::new();
    for keys in &source.run {
        let Some(run) = run(keys, &source.defaults, &mut used, &mut problems) else {
            continue;
        };
        let at = || keys.span();
        if runs.iter().any(|other| other.name == run.name) {
            problems.add(at(), format!("two runs are named `{}`", run.name));
        }
        let mut words = run.words.iter();
        let wants_server = words.any(|word| word.contains("{http}") || word.contains("{tcp}"));
        if wants_server && source.server.is_none() {
            problems.add(at(), "there is {http} or {tcp}, and no [server]");
        }
        runs.push(run);
    }
    let unused = source
        .defaults
        .keys()
        .filter(|key| !used.contains(key.get_ref().as_str()));
    for key in unused {
        let what = format!("`{}` is a flag of no run's command", key.get_ref());
        problems.add(key.span(), what);
    }
    let mut args = source.server.iter().flat_map(|server| &server.args);
    if args.any(|arg| !(arg.is_str() || arg.is_integer())) {
        problems.add(
            0..0,
            "`args` of [server] must be a list of texts and whole numbers",
        );
    }
    if source.run.is_empty() {
        problems.add(0..0, "there is no [[run]]");
    }
    let server = source.server;
    match problems.count() {
        0 => Ok(File { server, runs }),
        _ => Err(problems.told(name)),
    }
}

/// One run with the defaults that it takes, which are added to those `used`.
fn run<'a>(
    keys: &'a Spanned<Keys>,
    defaults: &'a Keys,
    used: &mut BTreeSet<&'a str>,
    problems: &mut Problems<'_>,
) -> Option<Run> {
    let before = problems.count();
    let mut text = |name: &str| {
        let found = keys.get_ref().get(name);
        let text = found.and_then(|value| value.get_ref().as_str());
        if text.is_none() {
            let at = found.map_or_else(|| keys.span(), Spanned::span);
            problems.add(at, format!("a run has no `{name}`, which is a text"));
        }
        text
    };
    let (name, command) = (text("name"), text("command")?);
    let name = name?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if matches!(name, "" | "index") || name.starts_with('.') || !name.chars().all(is_plain) {
        let what = format!("`{name}` is no name for a file: take letters, digits, - and _");
        problems.add(keys.span(), what);
    }
    let Some(known) = flags::command(command) else {
        let what = format!(
            "`{command}` is no command that a file can run: {}",
            flags::commands()
        );
        problems.add(keys.span(), what);
        return None;
    };
    let mut all: BTreeMap<String, (&str, &Spanned<Value>)> = BTreeMap::new();
    let named = |name: &str| name.replace('_', "-");
    for (key, value) in defaults {
        let name = named(key.get_ref());
        if name == "assert" || flags::has(&known, &name) {
            used.insert(key.get_ref());
            all.insert(name, (key.get_ref(), value));
        }
    }
    let own = keys.get_ref().iter();
    all.extend(own.map(|(key, value)| (named(key.get_ref()), (key.get_ref().as_str(), value))));
    all.retain(|name, _| !matches!(name.as_str(), "name" | "command"));
    let expected = all.remove("assert");
    let expectations = expected.map(|(_, value)| Expectation::read_all(command, value, problems));
    let words = flags::words(command, all, keys.span(), problems);
    if problems.count() == before
        && let Some(what) = flags::impossible(&words)
    {
        problems.add(keys.span(), what);
    }
    Some(Run {
        name: name.to_owned(),
        command: command.to_owned(),
        words,
        expectations: expectations.unwrap_or_default(),
    })
}
