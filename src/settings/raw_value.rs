//! A value before it is read.

use crate::settings::field::quote;
use crate::settings::value::list::{show_list, split};

/// A value as it was given.
#[derive(Clone, Debug)]
pub(super) enum RawValue<'a> {
    /// From the environment or a flag, which have no types.
    Untyped(&'a str),
    /// A TOML string.
    Text(&'a str),
    /// A TOML integer; `None`: larger than any allowed value.
    Number(Option<usize>),
    /// A TOML boolean.
    Switch(bool),
    /// A TOML array that has only strings.
    List(Vec<&'a str>),
    /// Another TOML type, which no key has, by its name.
    Other(&'static str),
}

impl RawValue<'_> {
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

    /// The value for an error message.
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
