//! From keys and values to flags: which there are, and what they take, is clap's to say.

use std::borrow::Cow;
use std::ops::Range;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory};
use toml::Spanned;
use toml::de::DeValue;

use crate::cli::Cli;
use crate::dispatch;
use crate::leader::RunError;
use crate::report::is_repeated;
use crate::scenario::problem::Problems;
use crate::url::Target;

/// A flag with its values as they would be typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flag {
    pub(super) name: String,
    values: Vec<String>,
    /// Where its value stands in the file.
    at: Range<usize>,
}

/// Where figures go is for `--out` to say.
const OURS: &[&str] = &["json", "html", "help", "version"];

/// A command that measures something.
pub(super) fn command(name: &str) -> Option<Command> {
    let command = Cli::command().find_subcommand(name)?.clone();
    let measures = command
        .get_arguments()
        .any(|arg| arg.get_long() == Some("json"));
    measures.then_some(command)
}

/// The names of all such commands.
pub(super) fn commands() -> String {
    let root = Cli::command();
    let names = root.get_subcommands().map(Command::get_name);
    names
        .filter(|name| command(name).is_some())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The flag of a key; `_` stands for `-` as well.
pub(super) fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let name = key.replace('_', "-");
    let is_it =
        |arg: &&Arg| arg.get_long() == Some(name.as_str()) && !OURS.contains(&name.as_str());
    command.get_arguments().find(is_it)
}

/// Whether the command has a flag of this name.
pub(super) fn has(name: &str, flag: &str) -> bool {
    command(name).is_some_and(|command| find(&command, flag).is_some())
}

/// A value as it would be typed; none if it is a list, a table or a switch.
pub(super) fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// One key with its value.
pub(super) fn flag(
    command: &Command,
    key: &Spanned<Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Option<Flag> {
    let name = key.get_ref();
    let Some(arg) = find(command, name) else {
        let of = command.get_name();
        let text = if OURS.contains(&name.as_ref()) {
            format!("`{name}` is not for a file: --out says where reports go")
        } else {
            format!(
                "unknown key `{name}`: see loadtest {of} --help{}",
                meant(command, name)
            )
        };
        problems.add(&key.span(), text);
        return None;
    };
    let values = match (arg.get_action().takes_values(), value.get_ref()) {
        (false, DeValue::Boolean(is_on)) => Ok(if *is_on { Vec::new() } else { return None }),
        (false, _) => Err("must be true or false"),
        (true, DeValue::Array(values)) if is_repeated(arg) => {
            let texts: Option<Vec<String>> =
                values.iter().map(|value| text(value.get_ref())).collect();
            texts.ok_or("must be a list of texts and numbers")
        }
        (true, DeValue::Array(_)) => Err("takes one value, not a list"),
        (true, value) => text(value)
            .map(|text| vec![text])
            .ok_or("must be a text or a number"),
    };
    let values = values.map_err(str::to_owned);
    let values = values.and_then(|values| check_urls(arg, &values).map(|()| values));
    match values {
        Ok(values) => Some(Flag {
            name: arg.get_long().unwrap_or_default().to_owned(),
            values,
            at: value.span(),
        }),
        Err(what) => {
            problems.add(&value.span(), format!("`{name}` {what}"));
            None
        }
    }
}

/// Whether all of them are URLs, if they are to be.
fn check_urls(arg: &Arg, values: &[String]) -> Result<(), String> {
    if !arg.get_long().is_some_and(|name| name.ends_with("url")) {
        return Ok(());
    }
    let parse = |url: &String| Target::parse(&with_addresses(url), "t").map(drop);
    values.iter().try_for_each(parse)
}

/// What the words ask for and cannot have, if there is a server wherever they want one.
pub(super) fn impossible(words: &[String]) -> Option<String> {
    let words: Vec<String> = words.iter().map(|word| with_addresses(word)).collect();
    match dispatch::check(&words) {
        Err(RunError::Usage(text) | RunError::Failed(text)) => Some(text),
        Ok(()) => None,
    }
}

/// With some address in the places of those that servers will have.
fn with_addresses(text: &str) -> String {
    let address = "127.0.0.1:1";
    text.replace("{http}", address).replace("{tcp}", address)
}

/// A flag whose name begins alike.
fn meant(command: &Command, key: &str) -> String {
    let name = key.replace('_', "-");
    let alike = |other: &&str| {
        let same = name
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        same >= 3 && !OURS.contains(other)
    };
    let found = command
        .get_arguments()
        .filter_map(Arg::get_long)
        .find(alike);
    found.map_or(String::new(), |other| format!("; is it `{other}`?"))
}

/// The words of a command with its flags, as clap takes them. What clap refuses is a problem, and
/// the flag is left out, to find what else it refuses.
pub(super) fn words(
    command: &str,
    mut flags: Vec<Flag>,
    at: &Range<usize>,
    problems: &mut Problems<'_>,
) -> Vec<String> {
    loop {
        let mut words = vec!["loadtest".to_owned(), command.to_owned()];
        for Flag { name, values, .. } in &flags {
            words.extend(values.iter().map(|value| format!("--{name}={value}")));
            if values.is_empty() {
                words.push(format!("--{name}"));
            }
        }
        let Err(error) = Cli::command().try_get_matches_from(&words) else {
            return words;
        };
        let refused = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(arg)) => {
                let name = arg
                    .trim_start_matches('-')
                    .split([' ', '='])
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                flags.iter().position(|flag| flag.name == name)
            }
            _ => None,
        };
        let said = error.to_string();
        let said = said
            .lines()
            .take_while(|line| !line.is_empty())
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        let said = said.strip_prefix("error: ").unwrap_or(&said).to_owned();
        let Some(refused) = refused else {
            problems.add(at, said);
            return words;
        };
        problems.add(&flags.remove(refused).at, said);
    }
}
