//! From settings to what checks tokens: reads the files with keys.

use std::fs;
use std::io;

use crate::auth::{
    Auth, Endpoint, EndpointError, Key, KeyError, Revocations, RevokedList, Verifier, fetch,
    jwk_set,
};
use crate::limits::KEYS_OF_ONE_ID_MAX;
use crate::settings::{Problem, Settings};

impl Settings {
    /// What decides about clients; `None` if no identity is configured. Starts the thread that
    /// fetches keys, if there is an address for them. `before`: other settings, and what they made
    /// of identity. If they fetch keys from the same address in the same way, the thread and its
    /// keys are kept: the provider may be down at this moment.
    ///
    /// # Errors
    ///
    /// A file with keys cannot be used any more, or the thread cannot be started.
    pub(super) fn auth(&self, before: Option<(&Self, &Auth)>) -> io::Result<Option<Auth>> {
        if !self.auth.has_identity() {
            return Ok(None);
        }
        let mut verifier = self.verifier(Vec::new()).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
            io::Error::other(lines.join("\n"))
        })?;
        if !self.auth.jwks_url.is_empty() {
            let auth = &self.auth;
            let times = (auth.jwks_refresh, auth.jwks_age_max);
            let same = before.filter(|(before, _)| {
                let before = &before.auth;
                auth.jwks_url == before.jwks_url
                    && times == (before.jwks_refresh, before.jwks_age_max)
            });
            let endpoint = match same.and_then(|(_, before)| before.verifier.fetches()) {
                Some(endpoint) => endpoint.clone(),
                None => Endpoint::start(&auth.jwks_url, times.0, times.1)?,
            };
            verifier = verifier.endpoint(endpoint);
        }
        let file = &self.auth.revocations_file;
        // Later the server goes on with the table that it has.
        if before.is_none() && !file.is_empty() {
            let table = Revocations::open(file).map_err(|err| {
                let key = self.name("auth.revocations_file");
                io::Error::new(err.kind(), format!("{key}: {file}: {err}"))
            })?;
            verifier = verifier.with_revocations(&table);
        }
        Ok(Some(self.auth_with(verifier)))
    }

    /// The same with keys that are fetched now, for commands.
    ///
    /// # Errors
    ///
    /// All keys that cannot be used.
    pub fn auth_now(&self) -> Result<Auth, Vec<Problem>> {
        let url = &self.auth.jwks_url;
        let fetched = match url.is_empty() {
            true => Vec::new(),
            false => fetch(url).map_err(|err| vec![self.not_fetched(&err)])?,
        };
        let verifier = self.verifier(fetched)?;
        Ok(self.auth_with(verifier.with_revocations(&self.revocations()?)))
    }

    /// What decides about clients whose credentials are checked already, for commands: it has no
    /// keys.
    pub fn auth_of_rules(&self) -> Auth {
        self.auth_with(Verifier::new(Vec::new()))
    }

    /// The keys for tokens that do not have to be fetched.
    ///
    /// # Errors
    ///
    /// All keys that cannot be used.
    pub(super) fn token_keys(&self) -> Result<Vec<Key>, Vec<Problem>> {
        let auth = &self.auth;
        let mut keys = Vec::new();
        let mut problems = Vec::new();
        let mut add = |key: &str, from: &str, more: Result<Vec<Key>, String>| match more {
            Ok(more) => keys.extend(more),
            Err(what) => problems.push(self.key_problem(key, from, what)),
        };
        let until = auth.previous_until.and_then(|time| time.try_into().ok());
        let previous = |key: Key| match until {
            Some(until) => key.until(until),
            None => key,
        };
        let hmac = match auth.short_secrets {
            true => Key::hmac_of_any_length,
            false => Key::hmac,
        };
        if !auth.secret.is_empty() {
            add("auth.hmac_secret", "", one(hmac(auth.secret_bytes())));
        }
        if !auth.previous_secret.is_empty() {
            let key = hmac(auth.previous_secret.0.as_bytes()).map(previous);
            add("auth.hmac_previous_secret", "", one(key));
        }
        for path in &auth.public_keys.0 {
            add(
                "auth.public_keys",
                path,
                read(path, |pem| Ok(vec![Key::pem(pem)?])),
            );
        }
        if !auth.jwks_file.is_empty() {
            let set = read(&auth.jwks_file, |json| jwk_set(json, true));
            add("auth.jwks_file", &auth.jwks_file, set);
        }
        let unnamed = keys.iter().filter(|key| !key.has_id()).count();
        if KEYS_OF_ONE_ID_MAX < unnamed {
            let what = format!(
                "there are {unnamed} keys without an id, and a token may be checked with each; at \
                 most {KEYS_OF_ONE_ID_MAX} are possible, and more in a key set with ids"
            );
            problems.push(self.key_problem("auth.public_keys", "", what));
        }
        if problems.is_empty() {
            Ok(keys)
        } else {
            Err(problems)
        }
    }

    /// What the file of revocations has now, if there is one.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn revocations(&self) -> Result<Revocations, Vec<Problem>> {
        let file = &self.auth.revocations_file;
        if file.is_empty() {
            return Ok(Revocations::default());
        }
        Revocations::read(file).map_err(|err| {
            let problem = self.key_problem("auth.revocations_file", file, err.to_string());
            let remedy = "must be a file that the server has made, or can make".to_owned();
            vec![Problem { remedy, ..problem }]
        })
    }

    fn verifier(&self, more: Vec<Key>) -> Result<Verifier, Vec<Problem>> {
        let auth = &self.auth;
        let mut keys = self.token_keys()?;
        keys.extend(more);
        Ok(Verifier::new(keys)
            .issuers(auth.issuers.0.clone())
            .audiences(auth.audiences.0.clone())
            .leeway(auth.leeway)
            .user_claim(auth.user_claim.as_str())
            .length_max(auth.token_length)
            .require_expiry(auth.require_exp)
            .token_age_max(auth.token_age_max)
            .revoked(RevokedList {
                users: auth.revoked_users.latest(),
                tokens: auth.revoked_tokens.0.iter().cloned().collect(),
            }))
    }

    fn auth_with(&self, verifier: Verifier) -> Auth {
        Auth {
            verifier,
            api_keys: self.auth.api_keys.clone(),
            rules: self.auth.rules.clone(),
            anonymous: self.auth.anonymous,
            insecure: self.auth.insecure,
        }
    }

    fn not_fetched(&self, err: &EndpointError) -> Problem {
        self.key_problem("auth.jwks_url", &self.auth.jwks_url, err.to_string())
    }

    fn key_problem(&self, key: &str, from: &str, what: String) -> Problem {
        let from = if from.is_empty() {
            ""
        } else {
            &format!("{from}: ")
        };
        Problem {
            source: self.source(key),
            key: key.to_owned(),
            what: format!("{from}{what}"),
            remedy: "the server cannot check tokens with it".to_owned(),
        }
    }
}

fn one(key: Result<Key, KeyError>) -> Result<Vec<Key>, String> {
    key.map(|key| vec![key]).map_err(|err| err.to_string())
}

fn read(
    path: &str,
    parse: impl Fn(&[u8]) -> Result<Vec<Key>, KeyError>,
) -> Result<Vec<Key>, String> {
    let bytes = fs::read(path).map_err(|err| err.to_string())?;
    parse(&bytes).map_err(|err| err.to_string())
}
