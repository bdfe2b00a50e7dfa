//! The errors of a listener's TLS files.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem;

use crate::error::debug_is_text;

/// TLS cannot be set up; the text names the file.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read, or is not PEM.
    #[error("{}: {}", path.display(), words(problem))]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: pem::Error,
    },
    /// The file lacks the item it should contain.
    #[error("{}: no {what} in it; {}", path.display(), remedy(what))]
    Empty {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// The contents of the file cannot be used.
    #[error("{}: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// The library refuses the settings as a whole.
    #[error("TLS: {0}")]
    Setup(String),
    /// Some shards have not taken the files loaded before; the others have the new ones. Try again.
    #[error("TLS: some shards are still taking over what was loaded before; try again")]
    Busy,
}

debug_is_text!(TlsError);

impl TlsError {
    pub(super) fn unusable(path: &Path, problem: impl ToString) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }

    pub(super) fn pem(path: &Path, problem: pem::Error, what: &'static str) -> Self {
        let path = path.to_owned();
        match problem {
            pem::Error::NoItemsFound => Self::Empty { path, what },
            problem => Self::Pem { path, problem },
        }
    }
}

/// The error of a file, without the library's text around the kernel's.
fn words(problem: &pem::Error) -> String {
    match problem {
        pem::Error::Io(err) => err.to_string(),
        problem => format!("is not PEM: {problem}"),
    }
}

/// The remedy for a file that lacks an item.
fn remedy(what: &str) -> &'static str {
    if what == "private key" {
        "must be PEM with -----BEGIN PRIVATE KEY-----; `openssl pkey -in FILE -out KEY.pem` makes \
         it of one that is encrypted or in DER"
    } else {
        "must be PEM with -----BEGIN CERTIFICATE-----; `openssl x509 -in FILE -out CERT.pem` makes \
         it of one in DER"
    }
}
