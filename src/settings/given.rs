//! A value before it is read.

use crate::settings::field::quote;
use crate::settings::value::list::{show_list, split};

/// A value as it was given.
#[derive(Clone, Debug)]
pub(super) enum Given<'a> {
    /// By the environment or a flag, which know no types.
    Untyped(&'a str),
    /// A string of TOML.
    Text(&'a str),
    /// An integer of TOML; `None` is beyond all that is asked for.
    Number(Option<usize>),
    /// A boolean of TOML.
    Switch(bool),
    /// An array of TOML with nothing but strings.
    List(Vec<&'a str>),
    /// A type of TOML that no key has, by its name.
    Other(&'static str),
}

impl Given<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Untyped(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<usize> {
        match self {
            Self::Untyped(text) => text.trim().parse().ok(),
            Self::Number(number) => *number,
            _ => None,
        }
    }

    pub(super) fn switch(&self) -> Option<bool> {
        match self {
            Self::Untyped(text) => text.trim().parse().ok(),
            Self::Switch(is_on) => Some(*is_on),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<Vec<&str>> {
        match self {
            Self::Untyped(text) => Some(split(text)),
            Self::List(texts) => Some(texts.clone()),
            _ => None,
        }
    }

    /// The value for a message to whoever gave it.
    pub(super) fn show(&self) -> String {
        match self {
            Self::Untyped(text) | Self::Text(text) => quote(text),
            Self::Number(Some(number)) => number.to_string(),
            Self::Number(None) => "this number".to_owned(),
            Self::Switch(is_on) => is_on.to_string(),
            Self::List(texts) => show_list(texts),
            Self::Other(name) => format!("a value of the type {name}"),
        }
    }
}
