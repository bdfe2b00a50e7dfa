//! From keys and values to flags: which there are, and what they take, is clap's to say.

use std::collections::BTreeMap;
use std::ops::Range;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory};
use toml::{Spanned, Value};

use crate::cli;
use crate::cli::Cli;
use crate::run::leader::RunError;
use crate::scenario::problem::Problems;

/// Where figures go is for `--out` to say.
const OURS: &[&str] = &["json", "html", "help", "version"];

/// A command that measures something.
pub(super) fn command(name: &str) -> Option<Command> {
    let command = Cli::command().find_subcommand(name)?.clone();
    let is_json = |arg: &Arg| arg.get_long() == Some("json");
    let measures = command.get_arguments().any(is_json);
    measures.then_some(command)
}

/// The names of those.
pub(super) fn commands() -> String {
    let root = Cli::command();
    let names = root.get_subcommands().map(Command::get_name);
    let names: Vec<&str> = names.filter(|name| command(name).is_some()).collect();
    names.join(", ")
}

/// Whether a command has a flag of this name.
pub(super) fn has(command: &Command, flag: &str) -> bool {
    let mut flags = command.get_arguments().filter_map(Arg::get_long);
    flags.any(|long| long == flag && !OURS.contains(&long))
}

/// The words of a command with its flags, as clap takes them. What clap refuses is a problem, and
/// the flag is left out, to find what else it refuses. Flags are told by the keys they had.
pub(super) fn words(
    command: &str,
    flags: BTreeMap<String, (&str, &Spanned<Value>)>,
    at: Range<usize>,
    problems: &mut Problems<'_>,
) -> Vec<String> {
    let mut all: Vec<(String, Vec<String>, Range<usize>)> = Vec::new();
    for (name, (key, value)) in flags {
        let typed = match value.get_ref() {
            _ if OURS.contains(&name.as_str()) => {
                Err("is not for a file: --out says where reports go")
            }
            Value::Boolean(true) => Ok(vec![format!("--{name}")]),
            Value::Boolean(false) => Ok(Vec::new()),
            Value::Array(values) => values.iter().map(|value| typed(&name, value)).collect(),
            value => typed(&name, value).map(|word| vec![word]),
        };
        match typed {
            Ok(words) => all.push((name, words, value.span())),
            Err(what) => problems.add(value.span(), format!("`{key}` {what}")),
        }
    }
    loop {
        let mut words = vec!["loadtest".to_owned(), command.to_owned()];
        words.extend(all.iter().flat_map(|(_, words, _)| words.iter().cloned()));
        let Err(error) = Cli::command().try_get_matches_from(&words) else {
            return words;
        };
        let context = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let text = error.to_string();
        let first = text
            .lines()
            .take_while(|line| !line.is_empty())
            .map(str::trim);
        let first = first.collect::<Vec<_>>().join(" ");
        let mut said = first.trim_start_matches("error: ").to_owned();
        if let Some(meant) = context(ContextKind::SuggestedArg) {
            said.push_str(&format!("; is it {meant}?"));
        }
        let flag = context(ContextKind::InvalidArg).and_then(|arg| {
            let name = arg.trim_start_matches('-').split([' ', '=']).next();
            all.iter()
                .position(|(flag, ..)| Some(flag.as_str()) == name)
        });
        let Some(flag) = flag else {
            problems.add(at, said);
            return words;
        };
        problems.add(all.remove(flag).2, said);
    }
}

/// A value as it would be typed.
fn typed(flag: &str, value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(format!("--{flag}={text}")),
        Value::Integer(number) => Ok(format!("--{flag}={number}")),
        Value::Float(number) => Ok(format!("--{flag}={number}")),
        _ => Err("must be a text, a number, a list of them, or true or false"),
    }
}

/// What the words ask for and cannot have, if there is a server wherever they want one.
pub(super) fn impossible(words: &[String]) -> Option<String> {
    let address = "127.0.0.1:1";
    let there = |word: &String| word.replace("{http}", address).replace("{tcp}", address);
    match cli::check(&words.iter().map(there).collect::<Vec<_>>()) {
        Err(RunError::Usage(text) | RunError::Failed(text)) => Some(text),
        Ok(()) => None,
    }
}
