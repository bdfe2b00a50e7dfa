//! Values that are lists of texts.

use crate::address::{Network, Networks};
use crate::proto::http::Origins;
use crate::settings::field::quote;

/// A value that is a list of texts.
pub(in crate::settings) trait List {
    /// The texts, as [`take`](Self::take) takes them.
    fn texts(&self) -> Vec<String>;

    /// Replaces the texts, or says what is wrong with the new ones; empty if there is no more to
    /// say than [`what`](Self::what) they must be.
    fn take(&mut self, texts: &[&str]) -> Result<(), String>;

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

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        self.0 = take_texts(texts, PATH_BYTES_MAX)?;
        Ok(())
    }

    fn what(&self) -> &'static str {
        "paths"
    }

    fn example(&self) -> &'static [&'static str] {
        &["first.pem", "second.pem"]
    }
}

/// Names, such as those of issuers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl List for Texts {
    fn texts(&self) -> Vec<String> {
        self.0.clone()
    }

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        self.0 = take_texts(texts, TEXT_BYTES_MAX)?;
        Ok(())
    }

    fn what(&self) -> &'static str {
        "texts"
    }

    fn example(&self) -> &'static [&'static str] {
        &["https://login.example.com/", "backend"]
    }
}

fn take_texts(texts: &[&str], bytes_max: usize) -> Result<Vec<String>, String> {
    let is_right = |text: &&str| (1..=bytes_max).contains(&text.len());
    if !texts.iter().all(is_right) {
        return Err(String::new());
    }
    Ok(texts.iter().map(|text| (*text).to_owned()).collect())
}

impl List for Origins {
    fn texts(&self) -> Vec<String> {
        self.patterns().collect()
    }

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        *self = Self::parse(texts).map_err(|_| String::new())?;
        Ok(())
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

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        let networks = texts.iter().map(|text| text.parse::<Network>());
        *self = networks
            .collect::<Result<_, _>>()
            .map_err(|_| String::new())?;
        Ok(())
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
/// Longer than any name or address of an issuer.
const TEXT_BYTES_MAX: usize = 1024;

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
        assert_eq!(paths.take(&["a", "b"]), Ok(()));
        assert!(paths.take(&["c", ""]).is_err());
        assert!(paths.take(&["c", &"x".repeat(PATH_BYTES_MAX + 1)]).is_err());
        assert_eq!(paths.texts(), ["a", "b"]);
    }
}
