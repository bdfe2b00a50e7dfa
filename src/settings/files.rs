//! Checks the files that a configuration names by opening them as the server will.
//!
//! The rest of this module reads no files; this check follows if the configuration is valid.

use crate::settings::{Problem, Settings};

impl Settings {
    /// Reads the TLS files.
    ///
    /// # Errors
    ///
    /// All errors of the files, with the key that names each.
    #[cfg(feature = "tls")]
    pub fn check_files(&self) -> Result<(), Vec<Problem>> {
        use crate::settings::draft::listener_key;
        use crate::tls::TlsFile;

        let mut problems = Vec::new();
        for (index, listen) in self.listeners.iter().enumerate() {
            let settings = listen.tls.settings();
            for (file, error) in settings.iter().flat_map(|settings| settings.faults()) {
                let name = match file {
                    TlsFile::Chain => "tls_chain",
                    TlsFile::Key => "tls_key",
                    TlsFile::Authorities => "tls_client_ca",
                };
                let key = listener_key(index, name);
                problems.push(Problem {
                    source: self.source(&key),
                    key,
                    what: error.to_string(),
                    remedy: REMEDY.to_owned(),
                });
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// Does nothing: there are no TLS files.
    ///
    /// # Errors
    ///
    /// Never.
    #[cfg(not(feature = "tls"))]
    pub fn check_files(&self) -> Result<(), Vec<Problem>> {
        Ok(())
    }
}

#[cfg(feature = "tls")]
const REMEDY: &str = "must be a file that the server can read and use; a path counts from the \
                      working directory of the server";
