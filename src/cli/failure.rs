//! Why a command ends without having done its work.

use std::fmt;

use crate::cli::ConfigError;

/// Why a command ends without having done its work, in words, and its exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// What was asked for cannot be: flags, files, the configuration.
    pub(in crate::cli) fn usage(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code: 2, text }
    }

    /// It could not be done: the server refuses it, or is not there.
    pub(in crate::cli) fn failed(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code: 1, text }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<ConfigError> for Failure {
    fn from(err: ConfigError) -> Self {
        Self::usage(err.to_string())
    }
}
