//! The types of values: how each is read, written and described.

use core::net::SocketAddr;
use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::net::ListenAddr;
use crate::settings::namespaces::first::FirstMessages;
use crate::settings::raw_value::RawValue;
use crate::settings::value::list::{List, show_list};
use crate::settings::value::number::{Number, parse_mode, show_range};
use crate::settings::value::rate::Per;
use crate::settings::value::units::{parse_size, parse_time, show_size, show_time};
use crate::time::Rate;

/// The place of a value in `T`.
type At<T, V> = fn(&mut T) -> &mut V;

/// The type of a key: the place of its value, its range, and the word for "no value" if that is
/// allowed.
pub(super) enum Field<T> {
    /// `true` or `false`.
    Switch(At<T, bool>),
    /// The same type, or a word.
    SwitchOr(At<T, Option<bool>>, &'static str),
    /// A number.
    Count(fn(&mut T) -> &mut dyn Number, RangeInclusive<usize>),
    /// The same type, or a word.
    CountOr(
        fn(&mut T) -> &mut dyn Number,
        RangeInclusive<usize>,
        &'static str,
    ),
    /// A size in bytes.
    Size(At<T, usize>, RangeInclusive<usize>),
    /// The same type, or a word.
    SizeOr(At<T, Option<usize>>, RangeInclusive<usize>, &'static str),
    /// A time.
    Time(At<T, Duration>, RangeInclusive<Duration>),
    /// A time, or a word.
    TimeOr(
        At<T, Option<Duration>>,
        RangeInclusive<Duration>,
        &'static str,
    ),
    /// A rate, or a word.
    RateOr(At<T, Option<Rate>>, Per, &'static str),
    /// One of several words.
    Choice(fn(&mut T) -> &mut dyn Choice),
    /// What a new subscriber gets first.
    First(At<T, FirstMessages>),
    /// The address of a listener.
    Listen(At<T, ListenAddr>),
    /// An address with a port, or a word.
    AddressOr(At<T, Option<SocketAddr>>, &'static str),
    /// The permissions of a file, as an octal text.
    Mode(At<T, u32>),
    /// A text whose length in bytes is in the range.
    Text(At<T, String>, RangeInclusive<usize>),
    /// A list of texts.
    List(fn(&mut T) -> &mut dyn List),
}

/// A value that is one of several words.
pub(super) trait Choice {
    /// All the words, in the order of the documentation.
    fn words(&self) -> &'static [&'static str];

    /// The index of the current value's word.
    fn chosen(&self) -> usize;

    /// Sets the value whose word has this index.
    fn choose(&mut self, index: usize);
}

/// Implements [`Choice`] for an enum, from its words and values.
macro_rules! choice {
    ($type:ty { $($word:literal => $value:path),* $(,)? }) => {
        impl $crate::settings::field::Choice for $type {
            fn words(&self) -> &'static [&'static str] {
                &[$($word),*]
            }

            fn chosen(&self) -> usize {
                // A value without a word does not compile.
                let word = match self {
                    $($value => $word),*
                };
                self.words().iter().position(|other| *other == word).unwrap_or_default()
            }

            fn choose(&mut self, index: usize) {
                if let Some(value) = [$($value),*].get(index) {
                    *self = *value;
                }
            }
        }
    };
}
pub(super) use choice;

impl<T: Clone> Field<T> {
    /// Sets the value; returns `false` and sets nothing if the given value is invalid.
    pub(super) fn read(&self, into: &mut T, given: &RawValue<'_>) -> bool {
        let text = given.text();
        let read = match self {
            Self::Switch(at) => given.switch().map(|is_on| *at(into) = is_on),
            Self::SwitchOr(at, none) => {
                or(given.switch(), text, none).map(|is_on| *at(into) = is_on)
            }
            Self::Count(at, range) => at(into).set(count(given, range)),
            Self::CountOr(at, range, none) => {
                or(count(given, range), text, none).and_then(|number| at(into).set(number))
            }
            Self::Size(at, range) => size(given, range).map(|size| *at(into) = size),
            Self::SizeOr(at, range, none) => {
                or(size(given, range), text, none).map(|size| *at(into) = size)
            }
            Self::Time(at, range) => time(text, range).map(|time| *at(into) = time),
            Self::TimeOr(at, range, none) => {
                or(time(text, range), text, none).map(|time| *at(into) = time)
            }
            Self::RateOr(at, per, none) => {
                let rate = text.and_then(|text| per.parse(text));
                or(rate, text, none).map(|rate| *at(into) = rate)
            }
            Self::Choice(at) => {
                let choice = at(into);
                let word = text.and_then(|text| choice.words().iter().position(|w| *w == text));
                word.map(|word| choice.choose(word))
            }
            Self::First(at) => FirstMessages::read(given).map(|first| *at(into) = first),
            Self::Listen(at) => text.and_then(|text| {
                let addr = text.parse().ok()?;
                *at(into) = addr;
                Some(())
            }),
            Self::AddressOr(at, none) => {
                or(address(text), text, none).map(|address| *at(into) = address)
            }
            Self::Mode(at) => text.and_then(parse_mode).map(|mode| *at(into) = mode),
            Self::Text(at, range) => {
                let text = text.filter(|text| range.contains(&text.len()));
                text.map(|text| *at(into) = text.to_owned())
            }
            Self::List(at) => given.list().and_then(|texts| at(into).take(&texts).ok()),
        };
        read.is_some()
    }

    /// Copies the value, which is no text with quotes or other signs to escape.
    pub(super) fn copy(&self, from: &T, into: &mut T) {
        let shown = self.show(from);
        self.read(into, &RawValue::Untyped(shown.trim_matches('"')));
    }

    /// The value as TOML.
    pub(super) fn show(&self, of: &T) -> String {
        let of = &mut of.clone();
        match self {
            Self::Switch(at) => at(of).to_string(),
            Self::SwitchOr(at, none) => match at(of) {
                Some(is_on) => is_on.to_string(),
                None => quote(none),
            },
            Self::Count(at, _) => at(of).number().unwrap_or_default().to_string(),
            Self::CountOr(at, _, none) => match at(of).number() {
                Some(number) => number.to_string(),
                None => quote(none),
            },
            Self::Size(at, _) => quote(&show_size(*at(of))),
            Self::SizeOr(at, _, none) => {
                let size: Option<String> = at(of).map(show_size);
                quote(size.as_deref().unwrap_or(none))
            }
            Self::Time(at, _) => quote(&show_time(*at(of))),
            Self::TimeOr(at, _, none) => {
                let time: Option<String> = at(of).map(show_time);
                quote(time.as_deref().unwrap_or(none))
            }
            Self::RateOr(at, per, none) => {
                let rate: Option<String> = at(of).map(|rate| per.show(rate));
                quote(rate.as_deref().unwrap_or(none))
            }
            Self::Choice(at) => {
                let choice = at(of);
                quote(choice.words().get(choice.chosen()).unwrap_or(&""))
            }
            Self::First(at) => at(of).show(),
            Self::Listen(at) => quote(&at(of).to_string()),
            Self::AddressOr(at, none) => {
                let address: Option<String> = at(of).map(|address| address.to_string());
                quote(address.as_deref().unwrap_or(none))
            }
            Self::Mode(at) => quote(&format!("{:04o}", at(of))),
            Self::Text(at, _) => quote(at(of)),
            Self::List(at) => show_list(&at(of).texts()),
        }
    }

    /// Which part of a list is wrong and why, if there is more to say than what is allowed.
    pub(super) fn fault(&self, of: &T, given: &RawValue<'_>) -> Option<String> {
        let Self::List(at) = self else { return None };
        let fault = at(&mut of.clone()).take(&given.list()?).err()?;
        (!fault.is_empty()).then_some(fault)
    }

    /// The allowed values in words.
    pub(super) fn expects(&self, of: &T) -> String {
        let size = |range: &RangeInclusive<usize>| {
            let (from, to) = (show_size(*range.start()), show_size(*range.end()));
            format!("a size from {} to {}", quote(&from), quote(&to))
        };
        let time = |range: &RangeInclusive<Duration>| {
            let (from, to) = (show_time(*range.start()), show_time(*range.end()));
            format!("a time from {} to {}", quote(&from), quote(&to))
        };
        match self {
            Self::Switch(_) => "true or false".to_owned(),
            Self::SwitchOr(_, none) => format!("true, false or {}", quote(none)),
            Self::Count(_, range) => show_range(range),
            Self::CountOr(_, range, none) => format!("{} or {}", show_range(range), quote(none)),
            Self::Size(_, range) => size(range),
            Self::SizeOr(_, range, none) => format!("{} or {}", size(range), quote(none)),
            Self::Time(_, range) => time(range),
            Self::TimeOr(_, range, none) => format!("{} or {}", time(range), quote(none)),
            Self::RateOr(_, per, none) => {
                let [plain, full] = per.examples().map(quote);
                format!("a rate, such as {plain} or {full}, or {}", quote(none))
            }
            Self::Choice(at) => {
                let words = at(&mut of.clone()).words().iter();
                let words: Vec<String> = words.map(|word| quote(word)).collect();
                let (last, rest) = words.split_last().unwrap_or((&words[0], &[]));
                format!("{} or {last}", rest.join(", "))
            }
            Self::First(_) => FirstMessages::EXPECTS.to_owned(),
            Self::Listen(_) => format!(
                "{ADDRESS}, a path of at most {} bytes, such as \"unix:/run/corecast.sock\", or \
                 \"systemd:name\"",
                ListenAddr::PATH_BYTES_MAX
            ),
            Self::AddressOr(_, none) => format!("{ADDRESS}, or {}", quote(none)),
            Self::Mode(_) => "permissions of a file, such as \"0660\"".to_owned(),
            Self::Text(_, range) => {
                format!("a text of {} to {} bytes", range.start(), range.end())
            }
            Self::List(at) => {
                let mut of = of.clone();
                let list = at(&mut of);
                format!(
                    "a list of {}, such as {}",
                    list.what(),
                    show_list(list.example())
                )
            }
        }
    }
}

const ADDRESS: &str = "an IP address with a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"";

/// A value, or no value if the text is the word for that.
fn or<V>(value: Option<V>, text: Option<&str>, none: &str) -> Option<Option<V>> {
    match value {
        Some(value) => Some(Some(value)),
        None => (text == Some(none)).then_some(None),
    }
}

fn count(given: &RawValue<'_>, range: &RangeInclusive<usize>) -> Option<usize> {
    given.number().filter(|number| range.contains(number))
}

fn size(given: &RawValue<'_>, range: &RangeInclusive<usize>) -> Option<usize> {
    let size = given.number().or_else(|| parse_size(given.text()?));
    size.filter(|size| range.contains(size))
}

fn time(text: Option<&str>, range: &RangeInclusive<Duration>) -> Option<Duration> {
    parse_time(text?).filter(|time| range.contains(time))
}

fn address(text: Option<&str>) -> Option<SocketAddr> {
    text?.trim().parse().ok()
}

/// A text as a TOML basic string, in which some characters are escaped.
pub(super) fn quote(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' => Cow::Borrowed("\\\""),
        '\\' => Cow::Borrowed("\\\\"),
        c if c.is_control() => Cow::Owned(format!("\\u{:04X}", u32::from(c))),
        c => Cow::Owned(c.to_string()),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
