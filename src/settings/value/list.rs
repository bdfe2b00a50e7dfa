//! Values that are lists of texts.

use crate::address::{Network, Networks};
use crate::proto::http::Origins;
use crate::settings::field::quote;

/// A value that is a list of texts.
pub(in crate::settings) trait List {
    /// The texts, as [`take`](Self::take) takes them.
    fn texts(&self) -> Vec<String>;

    /// Replaces the texts, if all of the new ones are valid.
    fn take(&mut self, texts: &[&str]) -> Option<()>;

    /// The kind of the elements, to be put after "a list of".
    fn what(&self) -> &'static str;

    /// Valid examples.
    fn example(&self) -> &'static [&'static str];
}

/// Paths of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths(pub Vec<String>);

impl List for Paths {
    fn texts(&self) -> Vec<String> {
        self.0.clone()
    }

    fn take(&mut self, texts: &[&str]) -> Option<()> {
        let are_right = texts
            .iter()
            .all(|text| (1..=PATH_BYTES_MAX).contains(&text.len()));
        self.0 = are_right.then(|| texts.iter().map(|text| (*text).to_owned()).collect())?;
        Some(())
    }

    fn what(&self) -> &'static str {
        "paths"
    }

    fn example(&self) -> &'static [&'static str] {
        &["first.pem", "second.pem"]
    }
}

impl List for Origins {
    fn texts(&self) -> Vec<String> {
        self.patterns().collect()
    }

    fn take(&mut self, texts: &[&str]) -> Option<()> {
        *self = Self::parse(texts).ok()?;
        Some(())
    }

    fn what(&self) -> &'static str {
        "origins, `self`, `null` and `*`"
    }

    fn example(&self) -> &'static [&'static str] {
        &[
            "self",
            "https://example.com",
            "https://*.example.com:8443",
            "file://",
        ]
    }
}

impl List for Networks {
    fn texts(&self) -> Vec<String> {
        self.iter().map(|network| network.to_string()).collect()
    }

    fn take(&mut self, texts: &[&str]) -> Option<()> {
        let networks = texts.iter().map(|text| text.parse::<Network>());
        *self = networks.collect::<Result<_, _>>().ok()?;
        Some(())
    }

    fn what(&self) -> &'static str {
        "addresses and networks"
    }

    fn example(&self) -> &'static [&'static str] {
        &["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"]
    }
}

/// The elements of a variable or a flag, which commas separate.
pub(in crate::settings) fn split(text: &str) -> Vec<&str> {
    let texts = text.split(',').map(str::trim);
    texts.filter(|text| !text.is_empty()).collect()
}

/// A list as a TOML array.
pub(in crate::settings) fn show_list<S: AsRef<str>>(texts: &[S]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quote(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// The kernel's maximum (`PATH_MAX` with the 0 at its end).
pub(in crate::settings) const PATH_BYTES_MAX: usize = 4095;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_split_at_commas() {
        assert_eq!(split("a, b,c "), ["a", "b", "c"]);
        assert_eq!(split(" a b ,"), ["a b"]);
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split(" , "), [""; 0]);
    }

    #[test]
    fn a_list_with_one_that_is_wrong_is_not_taken() {
        let mut paths = Paths::default();
        assert_eq!(paths.take(&["a", "b"]), Some(()));
        assert_eq!(paths.take(&["c", ""]), None);
        assert_eq!(paths.take(&["c", &"x".repeat(PATH_BYTES_MAX + 1)]), None);
        assert_eq!(paths.texts(), ["a", "b"]);
    }
}
