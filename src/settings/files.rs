//! Checks the files and inherited sockets that a configuration names by opening them as the server
//! will.
//!
//! The rest of this module reads no files; this check follows if the configuration is valid.

use crate::settings::check::{EXPOSED, UNEXPOSED};
use crate::settings::{Problem, Settings};
use crate::shard::bound_addr;

impl Settings {
    /// Reads the files of TLS and of keys for tokens, and the addresses of inherited sockets.
    ///
    /// # Errors
    ///
    /// All errors of the files, with the key that names each, and the sockets that others reach
    /// although everyone may do everything there.
    pub fn check_files(&self) -> Result<(), Vec<Problem>> {
        let problems = [
            self.tls_problems(),
            self.token_problems(),
            self.exposed_sockets(),
        ]
        .concat();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    fn exposed_sockets(&self) -> Vec<Problem> {
        let problem = |key: String| Problem {
            source: self.source(&key),
            key,
            what: EXPOSED.to_owned(),
            remedy: UNEXPOSED.to_owned(),
        };
        let keys = self.exposed(bound_addr).into_iter();
        keys.map(problem).collect()
    }

    #[cfg(feature = "tls")]
    fn tls_problems(&self) -> Vec<Problem> {
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
        problems
    }

    #[cfg(not(feature = "tls"))]
    fn tls_problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    #[cfg(feature = "auth")]
    fn token_problems(&self) -> Vec<Problem> {
        let problems = [self.token_keys().err(), self.revocations().err()];
        problems.into_iter().flatten().flatten().collect()
    }

    #[cfg(not(feature = "auth"))]
    fn token_problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

#[cfg(feature = "tls")]
const REMEDY: &str = "must be a file that the server can read and use; a path counts from the \
                      working directory of the server";
