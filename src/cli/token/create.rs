//! `corecast token create`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::auth::Signer;
use crate::cli::{ConfigError, load, read};
use crate::settings::{Settings, parse_time};
use crate::sys::time_of_day::since_1970;

/// The flags of `corecast token create`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Create {
    /// The user (the claim that auth.user_claim names); without it, the token is for an anonymous
    /// client. With --count, `{number}` stands for the number of the token, from 1
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Time for which the token is valid, such as 90s, 15m or 24h, or never for no end
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: String,
    /// Time from now after which the token becomes valid, such as 5m (claim nbf)
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// The issuer (claim iss) [default: the first of auth.issuers]
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// The audience (claim aud); may be repeated [default: the first of auth.audiences]
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,
    /// The id of the token (claim jti); `{number}` as in --user
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A topic that the client may subscribe to (claim channels); may be repeated
    #[arg(long, visible_alias = "channels", value_name = "TOPIC")]
    channel: Vec<String>,
    /// Another claim, such as team=red or admin=true; the value is JSON if it can be read as such,
    /// otherwise a text; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
    /// Sign with this private key: a PEM file (PKCS#8) with RSA, P-256, P-384 or Ed25519
    /// [default: auth.hmac_secret]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Algorithm, such as PS256 or HS512, if the key allows several [default: RS256, ES256, ES384,
    /// EdDSA or HS256, by the type of the key]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<String>,
    /// The id of the key (kid in the header), if it has one in the server's key set
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// Number of tokens to make, one on each line, for load tests
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=TOKENS_MAX))]
    count: u32,
    /// Configuration file [default: the one that CORECAST_CONFIG names]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Create {
    pub(super) fn output(&self) -> Result<String, ConfigError> {
        let has_number =
            |text: &Option<String>| text.as_ref().is_some_and(|it| it.contains(NUMBER_PLACE));
        if 1 < self.count && !has_number(&self.user) && !has_number(&self.id) {
            return wrong("with --count, the tokens differ by {number} in --user or --id");
        }
        let settings = load(self.config.clone(), Vec::new())?;
        let signer = self.signer(&settings)?;
        let claims = self.claims(&settings)?;
        let mut lines = String::new();
        for number in 1..=self.count {
            let claims = Value::Object(self.numbered(&claims, &settings, number));
            lines += &signer.sign(&claims.to_string()).map_err(token_error)?;
            lines.push('\n');
        }
        Ok(lines)
    }

    fn signer(&self, settings: &Settings) -> Result<Signer, ConfigError> {
        let secret = settings.auth.secret_bytes();
        let mut signer = match &self.key {
            Some(path) => Signer::pem(read(path)?.as_bytes())
                .map_err(|err| ConfigError::Token(format!("{}: {err}", path.display())))?,
            None if secret.is_empty() => {
                return wrong(
                    "there is no key: name one with --key, or set auth.hmac_secret \
                     (CORECAST_AUTH_HMAC_SECRET)",
                );
            }
            None => Signer::hmac(secret).map_err(token_error)?,
        };
        if let Some(name) = &self.algorithm {
            signer = signer.algorithm(name).map_err(token_error)?;
        }
        Ok(match &self.kid {
            Some(id) => signer.key_id(id),
            None => signer,
        })
    }

    /// The claims that all tokens have.
    fn claims(&self, settings: &Settings) -> Result<Map<String, Value>, ConfigError> {
        let now = since_1970().as_secs();
        let mut claims = Map::new();
        claims.insert("iat".to_owned(), json!(now));
        if self.expires != "never" {
            let after = time("--expires", &self.expires)?;
            let end = now.saturating_add(after.as_secs());
            claims.insert("exp".to_owned(), json!(end));
        }
        if let Some(wait) = &self.not_before {
            let after = time("--not-before", wait)?;
            let begin = now.saturating_add(after.as_secs());
            claims.insert("nbf".to_owned(), json!(begin));
        }
        let issuers = &settings.auth.issuers.0;
        if let Some(issuer) = self.issuer.as_ref().or_else(|| issuers.first()) {
            claims.insert("iss".to_owned(), json!(issuer));
        }
        let audiences = &settings.auth.audiences.0;
        let audience = match self.audience.as_slice() {
            [] => audiences.first().map(|first| json!(first)),
            [one] => Some(json!(one)),
            several => Some(json!(several)),
        };
        claims.extend(audience.map(|audience| ("aud".to_owned(), audience)));
        if !self.channel.is_empty() {
            claims.insert("channels".to_owned(), json!(self.channel));
        }
        for claim in &self.claim {
            let Some((name, value)) = claim.split_once('=') else {
                return wrong("--claim is NAME=VALUE");
            };
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            claims.insert(name.to_owned(), value);
        }
        Ok(claims)
    }

    /// The claims of one token.
    fn numbered(
        &self,
        claims: &Map<String, Value>,
        settings: &Settings,
        number: u32,
    ) -> Map<String, Value> {
        let mut claims = claims.clone();
        let user_claim = settings.auth.user_claim.as_str();
        for (name, text) in [(user_claim, &self.user), ("jti", &self.id)] {
            if let Some(text) = text {
                let text = text.replace(NUMBER_PLACE, &number.to_string());
                claims.insert(name.to_owned(), json!(text));
            }
        }
        claims
    }
}

fn time(flag: &str, text: &str) -> Result<Duration, ConfigError> {
    let is_none = || format!("{flag} is a time such as 90s, 15m or 24h");
    parse_time(text).ok_or_else(|| ConfigError::Token(is_none()))
}

fn token_error(err: impl ToString) -> ConfigError {
    ConfigError::Token(err.to_string())
}

fn wrong<T>(text: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Token(text.to_owned()))
}

/// Stands for the number of the token.
const NUMBER_PLACE: &str = "{number}";
/// They are in memory together; a test that needs more makes several files.
const TOKENS_MAX: i64 = 100_000;

const EXAMPLES: &str = "\
Examples:
  A token of 15 minutes, signed with auth.hmac_secret of the server:
    corecast token create --config corecast.toml --user ann --expires 15m
  A key for the server's auth.public_keys, and a token that is signed with it:
    openssl genpkey -algorithm ED25519 -out key.pem && openssl pkey -in key.pem -pubout -out pub.pem
    corecast token create --key key.pem --user ann
  Tokens of 1,000 users for a load test:
    corecast token create --key key.pem --user 'user-{number}' --count 1000 >tokens.txt";
