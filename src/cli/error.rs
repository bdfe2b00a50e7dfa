//! Why a command fails.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::settings::{FILE_VARIABLE, Problem};

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    File(PathBuf, io::Error),
    /// The file is not UTF-8; the error is in this line.
    NoText(PathBuf, usize),
    /// Standard input cannot be read.
    #[cfg(feature = "auth")]
    Input(io::Error),
    /// A token cannot be made, or is not accepted.
    #[cfg(feature = "auth")]
    Token(String),
    /// No server can be told to reload.
    Reload(String),
    /// The output cannot be written.
    Output(io::Error),
    /// Files of settings cannot be written, or are not to be.
    Files(Vec<String>),
    /// The configuration was read and has these errors.
    Problems(Vec<Problem>),
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, err) => {
                let path = path.display();
                write!(f, "cannot read {path}: {err}")?;
                if err.kind() == io::ErrorKind::NotFound {
                    write!(
                        f,
                        "; name another file with --config or {FILE_VARIABLE}, or create this one: \
                         `corecast config default > {path}`"
                    )?;
                }
                Ok(())
            }
            Self::NoText(path, line) => write!(
                f,
                "{}:{line}: is not UTF-8; save the file in that encoding",
                path.display()
            ),
            Self::Reload(what) => f.write_str(what),
            #[cfg(feature = "auth")]
            Self::Input(err) => write!(f, "cannot read standard input: {err}"),
            #[cfg(feature = "auth")]
            Self::Token(what) => f.write_str(what),
            Self::Files(told) => f.write_str(&told.join("\n")),
            Self::Output(err) => write!(f, "cannot write to standard output: {err}"),
            Self::Problems(problems) => {
                let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}
