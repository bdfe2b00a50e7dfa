//! `corecast token`: makes and checks tokens with the server's own configuration.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::auth::{Denial, Principal, create};
use crate::cli::{ConfigError, load};
use crate::settings::{Settings, parse_time};
use crate::sys::time_of_day::since_1970;

/// The commands of `corecast token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token with auth.hmac_secret and print it
    Create(Box<Create>),
    /// Check a token as the server does, and print its claims; the exit code is 0 or 2
    Check {
        /// The token, or - to read it from standard input
        token: String,
        /// Configuration file [default: the one that CORECAST_CONFIG names]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// The flags of `corecast token create`.
#[derive(Args, Debug)]
pub struct Create {
    /// The user (the claim that auth.user_claim names); without one the token is anonymous
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Time for which it is valid, such as 90s, 15m or 24h
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: String,
    /// A topic that its bearer may subscribe to (claim channels); may be repeated
    #[arg(long, value_name = "TOPIC")]
    channel: Vec<String>,
    /// Any other claim, its value in JSON or else a text: team=red, admin=true; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
    /// Configuration file [default: the one that CORECAST_CONFIG names]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl TokenCommand {
    pub(super) fn output(&self) -> Result<String, ConfigError> {
        match self {
            Self::Create(flags) => flags.token(),
            Self::Check { token, config } => check(token, config.clone()),
        }
    }
}

impl Create {
    fn token(&self) -> Result<String, ConfigError> {
        let settings = load(self.config.clone(), Vec::new())?;
        let secret = settings.auth.secret_bytes();
        if secret.is_empty() {
            let remedy = "set auth.hmac_secret (CORECAST_AUTH_HMAC_SECRET) to make tokens";
            return Err(ConfigError::Token(remedy.to_owned()));
        }
        let claims = self.claims(&settings)?;
        let token = create(secret, &Value::Object(claims).to_string());
        let token = token.map_err(|err| ConfigError::Token(err.to_string()))?;
        Ok(format!("{token}\n"))
    }

    fn claims(&self, settings: &Settings) -> Result<Map<String, Value>, ConfigError> {
        let wrong = |what: &str| ConfigError::Token(what.to_owned());
        let expires: Duration = parse_time(&self.expires)
            .ok_or_else(|| wrong("--expires is a time such as 90s, 15m or 24h"))?;
        let now = since_1970().as_secs();
        let mut claims = Map::new();
        if let Some(user) = &self.user {
            claims.insert(settings.auth.user_claim.clone(), json!(user));
        }
        claims.insert("iat".to_owned(), json!(now));
        claims.insert(
            "exp".to_owned(),
            json!(now.saturating_add(expires.as_secs())),
        );
        for (name, list) in [
            ("iss", &settings.auth.issuers),
            ("aud", &settings.auth.audiences),
        ] {
            if let Some(first) = list.0.first() {
                claims.insert(name.to_owned(), json!(first));
            }
        }
        if !self.channel.is_empty() {
            claims.insert("channels".to_owned(), json!(self.channel));
        }
        for claim in &self.claim {
            let (name, value) = claim
                .split_once('=')
                .ok_or_else(|| wrong("--claim is NAME=VALUE"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            claims.insert(name.to_owned(), value);
        }
        Ok(claims)
    }
}

fn check(token: &str, config: Option<PathBuf>) -> Result<String, ConfigError> {
    let settings = load(config, Vec::new())?;
    let client = verify(&settings, read(token)?.trim())?;
    let claims = serde_json::to_string_pretty(&client.claims).unwrap_or_default();
    let end = match client.expires_at {
        Some(end) => {
            let left = end.saturating_sub(since_1970().as_secs());
            format!("the connection ends in {left}s")
        }
        None => "the connection has no end".to_owned(),
    };
    Ok(format!("{}; {end}\n{claims}\n", client.identity))
}

/// A token, or what standard input has in place of `-`.
pub(super) fn read(token: &str) -> Result<String, ConfigError> {
    if token != "-" {
        return Ok(token.to_owned());
    }
    let input = io::stdin().lock().take(TOKEN_READ_MAX);
    io::read_to_string(input).map_err(ConfigError::Input)
}

/// The client that a token describes, by the server's configuration.
pub(super) fn verify(settings: &Settings, token: &str) -> Result<Principal, ConfigError> {
    let mut auth = settings.auth_now().map_err(ConfigError::Problems)?;
    let now = since_1970().as_secs();
    let denied = |denial: Denial| {
        let (label, status) = (denial.label(), denial.status());
        ConfigError::Token(format!("{denial} ({label}, status {status})"))
    };
    auth.verifier.verify(token, now).map_err(denied)
}

/// More than any token has.
const TOKEN_READ_MAX: u64 = 1 << 20;
