//! The parameters of a request to the API, read strictly: a name that is not known is an error.

use std::fmt::Display;
use std::str::FromStr;

use crate::limits::{ADMIN_ROWS, ADMIN_ROWS_MAX};
use crate::proto::http::Request;

/// The parameters of one request.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Those of a request, of which only `known` may be there, each once.
    pub(super) fn of(request: &Request<'_>, known: &[&str]) -> Result<Self, String> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in request.params() {
            if !known.contains(&&*name) {
                let names = match known {
                    [] => "there are none here".to_owned(),
                    known => format!("there are {}", known.join(", ")),
                };
                return Err(format!("no such parameter: {name:?}; {names}"));
            }
            if params.iter().any(|(other, _)| *other == *name) {
                return Err(format!("{name} is there twice"));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let mut params = self.0.iter();
        let (_, value) = params.find(|(other, value)| other == name && !value.is_empty())?;
        Some(value.clone())
    }

    /// A value that can be written as a text.
    pub(super) fn value<T: FromStr>(
        &self,
        name: &str,
        what: impl Display,
    ) -> Result<Option<T>, String> {
        let text = self.text(name);
        let value = text.map(|text| {
            let wrong = |_| format!("{name}={text}: must be {what}");
            text.parse().map_err(wrong)
        });
        value.transpose()
    }

    /// A number within a range.
    pub(super) fn number(&self, name: &str, default: usize, max: usize) -> Result<usize, String> {
        let what = format!("a number from 1 to {max}");
        let number = self.value(name, &what)?.unwrap_or(default);
        let is_in = (1..=max).contains(&number);
        is_in
            .then_some(number)
            .ok_or_else(|| format!("{name}={number}: must be {what}"))
    }

    /// How many rows are wanted.
    pub(super) fn limit(&self) -> Result<usize, String> {
        self.number("limit", ADMIN_ROWS, ADMIN_ROWS_MAX)
    }

    /// One of some words.
    pub(super) fn word(&self, name: &str, words: &[&str]) -> Result<Option<String>, String> {
        let text = self.text(name);
        let wrong = |text: &String| !words.contains(&text.as_str());
        match text.as_ref().filter(|text| wrong(text)) {
            Some(text) => Err(format!(
                "{name}={text}: must be one of {}",
                words.join(", ")
            )),
            None => Ok(text),
        }
    }
}
