//! The settings of identity and permission.

use std::time::Duration;

#[cfg(feature = "auth")]
use crate::auth::url_fault;
use crate::auth::{ApiKeys, Rules};
use crate::limits::{KEYS_AGE_MAX, KEYS_REFRESH, SECRET_BYTES_MIN, TOKEN_BYTES_MAX, TOKEN_LEEWAY};
use crate::settings::auth_keys::AUTH_KEYS;
use crate::settings::draft::{Draft, listener_key};
use crate::settings::keys::Key;
use crate::settings::value::list::{List, Paths, Texts};
use crate::settings::value::revoked::RevokedUsers;
use crate::settings::value::secret::Secret;
use crate::settings::{Problem, Settings, Source};

/// The settings of identity and permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSettings {
    /// The secret of tokens; may be empty.
    pub secret: Secret,
    /// The secret before it; may be empty.
    pub previous_secret: Secret,
    /// Whether secrets may be shorter than their hashes.
    pub short_secrets: bool,
    /// When the previous secret ends, in seconds since the beginning of 1970.
    pub previous_until: Option<usize>,
    /// Files with public keys.
    pub public_keys: Paths,
    /// File with a key set; may be empty.
    pub jwks_file: String,
    /// Address of a key set; may be empty.
    pub jwks_url: String,
    /// Time after which the key set is fetched again.
    pub jwks_refresh: Duration,
    /// Age up to which keys are used if they cannot be fetched again.
    pub jwks_age_max: Duration,
    /// Issuers of tokens; empty: any.
    pub issuers: Texts,
    /// Audiences of tokens; empty: any.
    pub audiences: Texts,
    /// Difference of clocks that is allowed.
    pub leeway: Duration,
    /// The claim that names the user.
    pub user_claim: String,
    /// Maximum length of a token.
    pub token_length: usize,
    /// Whether a token must expire.
    pub require_exp: bool,
    /// Maximum age of a token.
    pub token_age_max: Option<Duration>,
    /// Users whose older tokens are refused.
    pub revoked_users: RevokedUsers,
    /// Ids of tokens that are refused.
    pub revoked_tokens: Texts,
    /// File that keeps what is revoked at run time; may be empty.
    pub revocations_file: String,
    /// The name of a cookie with a token; may be empty.
    pub cookie: String,
    /// The name of a parameter of the query with a token; may be empty.
    pub query: String,
    /// The API keys.
    pub api_keys: ApiKeys,
    /// What each client may do.
    pub rules: Rules,
    /// Whether clients without a credential are served.
    pub anonymous: bool,
    /// Whether everything is allowed.
    pub insecure: bool,
    /// Whether clients of the structured protocol are subscribed to the topics of their users.
    pub user_topics: bool,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            secret: Secret::default(),
            previous_secret: Secret::default(),
            short_secrets: false,
            previous_until: None,
            public_keys: Paths::default(),
            jwks_file: String::new(),
            jwks_url: String::new(),
            jwks_refresh: KEYS_REFRESH,
            jwks_age_max: KEYS_AGE_MAX,
            issuers: Texts::default(),
            audiences: Texts::default(),
            leeway: TOKEN_LEEWAY,
            user_claim: "sub".to_owned(),
            token_length: TOKEN_BYTES_MAX,
            require_exp: false,
            token_age_max: None,
            revoked_users: RevokedUsers::default(),
            revoked_tokens: Texts::default(),
            revocations_file: String::new(),
            cookie: String::new(),
            query: String::new(),
            api_keys: ApiKeys::default(),
            rules: Rules::default(),
            anonymous: false,
            insecure: false,
            user_topics: false,
        }
    }
}

impl AuthSettings {
    /// Whether anything is configured about identities and permissions.
    pub fn has_identity(&self) -> bool {
        let may = self.anonymous || self.insecure || !self.rules.is_empty();
        may || !self.api_keys.is_empty() || self.has_keys()
    }

    /// Whether tokens are accepted that the provider made for other applications.
    pub fn has_foreign_tokens(&self) -> bool {
        !self.jwks_url.is_empty() && self.audiences.0.is_empty()
    }

    /// The secret of tokens; may be empty.
    pub fn secret_bytes(&self) -> &[u8] {
        self.secret.0.as_bytes()
    }

    /// Whether tokens can be checked.
    fn has_keys(&self) -> bool {
        let files = !self.public_keys.0.is_empty() || !self.jwks_file.is_empty();
        !self.secret.is_empty() || files || !self.jwks_url.is_empty()
    }
}

impl List for Rules {
    fn texts(&self) -> Vec<String> {
        self.iter().map(|rule| rule.as_str().to_owned()).collect()
    }

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        *self = Self::parse(texts).map_err(|err| err.to_string())?;
        Ok(())
    }

    fn what(&self) -> &'static str {
        "rules"
    }

    fn example(&self) -> &'static [&'static str] {
        &[
            "users subscribe+publish match:{id}",
            "anyone subscribe news/#",
            "key:backend publish #",
        ]
    }
}

impl List for ApiKeys {
    fn texts(&self) -> Vec<String> {
        self.texts().collect()
    }

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        *self = Self::parse(texts).map_err(|err| err.to_string())?;
        Ok(())
    }

    fn what(&self) -> &'static str {
        "API keys with their hashes"
    }

    fn example(&self) -> &'static [&'static str] {
        &["backend sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
    }
}

impl Draft {
    /// Complains of keys of identity that contradict each other, or that leave everything open.
    pub(in crate::settings) fn check_auth(&mut self) {
        let given = self.given_of_auth();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let is_wrong = |problem: &Problem| problem.key.starts_with("auth.");
        if !given.is_empty() && !HAS_AUTH {
            let remedy = "leave it out, or build with the cargo feature `auth`";
            self.complain_of(&given, "this program is built without tokens", remedy);
        } else if !given.is_empty()
            && !self.settings.auth.has_identity()
            && !self.problems.iter().any(is_wrong)
        {
            self.complain_of(&given, OPEN, CLOSED);
        }
        self.check_query();
        self.check_secrets();
        self.check_jwks_url();
    }

    /// What has a meaning for topics is told to others.
    fn check_query(&mut self) {
        if ["since", "last", "key"].contains(&self.settings.auth.query.as_str()) {
            let what = "is a parameter of topics";
            self.complain_of(
                &["auth.query"],
                what,
                "choose another name, such as access_token",
            );
        }
    }

    #[cfg(feature = "auth")]
    fn check_jwks_url(&mut self) {
        let auth = &self.settings.auth;
        let is_given = !auth.jwks_url.is_empty();
        let fault = url_fault(&auth.jwks_url, auth.insecure).filter(|_| is_given);
        if let Some(what) = fault {
            let remedy = "must be as \"https://login.example.com/keys\"; http:// is for this host \
                          and for auth.insecure";
            self.complain_of(&["auth.jwks_url"], what, remedy);
        }
    }

    #[cfg(not(feature = "auth"))]
    fn check_jwks_url(&mut self) {}

    fn check_secrets(&mut self) {
        let auth = &self.settings.auth;
        if auth.short_secrets {
            return;
        }
        let secrets = [
            ("auth.hmac_secret", auth.secret.0.len()),
            ("auth.hmac_previous_secret", auth.previous_secret.0.len()),
        ];
        for (key, len) in secrets {
            if (1..SECRET_BYTES_MIN).contains(&len) {
                let what = format!("has fewer than {SECRET_BYTES_MIN} bytes");
                let remedy = "`openssl rand -hex 32` makes one that nobody guesses";
                self.complain_of(&[key], &what, remedy);
            }
        }
    }

    /// The keys by which an operator asks clients for their identity: those with another value than
    /// the default, and those of variables, whose value may be empty by mistake.
    fn given_of_auth(&self) -> Vec<String> {
        let (settings, default) = (&self.settings, Settings::default());
        let is_given = |key: &&Key<Settings>| match settings.source(key.name) {
            Source::Default => false,
            Source::Env(_) => true,
            _ => key.field.show(settings) != key.field.show(&default),
        };
        let keys = AUTH_KEYS.iter().filter(|key| key.name != "auth.insecure");
        let keys = keys.filter(is_given).map(|key| key.name.to_owned());
        let listeners = settings.listeners.iter().enumerate();
        let tokens = listeners
            .filter(|(_, listen)| listen.token && listen.protocol.framing().is_some())
            .map(|(index, _)| listener_key(index, "token"));
        keys.chain(tokens).collect()
    }
}

/// Whether the program is built with tokens.
const HAS_AUTH: bool = cfg!(feature = "auth");

const OPEN: &str = "has no effect alone: every client could do everything";
const CLOSED: &str = "set a key for tokens that is not empty, auth.api_keys, auth.rules or \
                      auth.anonymous (see docs/AUTH.md), or leave it out";
