//! The flags of a run, taken from what clap read, so that none is forgotten.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Number, Value};

use crate::client::tokens::{HIDDEN, SECRET_FLAGS};

/// The flags of a command by their long names: those given, and those with a default.
pub(crate) fn parameters(command: &Command, matches: &ArgMatches) -> Map<String, Value> {
    let one = |arg: &Arg| {
        let id = arg.get_id().as_str();
        let name = arg
            .get_long()
            .filter(|_| !matches!(id, "help" | "version"))?;
        let raw = matches.try_get_raw(id).ok().flatten()?;
        if SECRET_FLAGS.contains(&name) {
            return Some((name.to_owned(), HIDDEN.into()));
        }
        let mut values: Vec<Value> = raw.map(|value| typed(&value.to_string_lossy())).collect();
        let is_list =
            matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some();
        let value = match values.len() {
            0 => return None,
            1 if !is_list => values.remove(0),
            _ => Value::Array(values),
        };
        let is_default = matches.value_source(id) == Some(ValueSource::DefaultValue);
        (!is_default || value != false).then(|| (name.to_owned(), value))
    };
    command.get_arguments().filter_map(one).collect()
}

fn typed(text: &str) -> Value {
    let is = text.parse().map(Value::Bool).ok();
    let number = || text.parse::<Number>().map(Value::Number).ok();
    is.or_else(number).unwrap_or_else(|| text.into())
}
