//! `corecast token`: makes and checks tokens with the server's own configuration.

mod create;

use std::io::{self, Read};
use std::path::PathBuf;

use clap::Subcommand;

use crate::auth::{Denial, Principal, signed_with};
use crate::cli::token::create::Create;
use crate::cli::{ConfigError, load};
use crate::settings::Settings;
use crate::sys::time_of_day::since_1970;

/// The commands of `corecast token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make tokens with a private key or auth.hmac_secret, and print them
    Create(Box<Create>),
    /// Check a token as the server does, and print its claims; the exit code is 0 if the server
    /// accepts it, else 2
    Check {
        /// The token, or - to read it from standard input
        token: String,
        /// Configuration file [default: the one that CORECAST_CONFIG names]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

impl TokenCommand {
    pub(super) fn output(&self) -> Result<String, ConfigError> {
        match self {
            Self::Create(flags) => flags.output(),
            Self::Check { token, config } => check(token, config.clone()),
        }
    }
}

fn check(token: &str, config: Option<PathBuf>) -> Result<String, ConfigError> {
    let settings = load(config, Vec::new())?;
    let token = read(token)?;
    let token = token.trim();
    let client = verify(&settings, token)?;
    let claims = serde_json::to_string_pretty(&client.claims).unwrap_or_default();
    let end = match client.expires_at {
        Some(end) => {
            let left = end.saturating_sub(since_1970().as_secs());
            format!("the connection ends in {left}s")
        }
        None => "the connection has no end".to_owned(),
    };
    let signed = match signed_with(token) {
        Some((algorithm, Some(id))) => format!("signed with {algorithm} by the key {id:?}\n"),
        Some((algorithm, None)) => format!("signed with {algorithm}\n"),
        None => String::new(),
    };
    Ok(format!("{}; {end}\n{signed}{claims}\n", client.identity))
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
