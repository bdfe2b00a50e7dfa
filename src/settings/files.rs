//! The files that a configuration names, opened as the server will open them.
//!
//! What reads the configuration itself knows no files; this is asked afterwards, where it is right.

use crate::settings::{Problem, Settings};

impl Settings {
    /// Reads the files of TLS.
    ///
    /// # Errors
    ///
    /// All that is wrong with them, under the key that names each.
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

    /// There are none.
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
