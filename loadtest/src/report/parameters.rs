//! The flags of a run, taken from what clap read, so that none is forgotten.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use serde_json::{Map, Value};

/// The flags of a command by their long names: those given, and those with a default.
pub(crate) fn parameters(command: &Command, matches: &ArgMatches) -> Map<String, Value> {
    let mut found = Map::new();
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let is_told =
            !matches!(id, "help" | "version") && matches.try_contains_id(id).is_ok_and(|is| is);
        let Some(name) = arg.get_long().filter(|_| is_told) else {
            continue;
        };
        let raw = matches.get_raw(id).into_iter().flatten();
        let mut values: Vec<Value> = raw.map(|value| typed(&value.to_string_lossy())).collect();
        let is_list = arg.get_action().takes_values() && is_repeated(arg);
        let value = match values.pop() {
            Some(value) if values.is_empty() && !is_list => value,
            Some(value) => {
                values.push(value);
                Value::Array(values)
            }
            None => continue,
        };
        let is_unset = matches.value_source(id) == Some(ValueSource::DefaultValue)
            && value == Value::Bool(false);
        if !is_unset {
            found.insert(name.to_owned(), value);
        }
    }
    found
}

/// Whether a flag makes a list.
pub(crate) fn is_repeated(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append) || arg.get_value_delimiter().is_some()
}

fn typed(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.parse::<serde_json::Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text.to_owned()),
        },
    }
}
