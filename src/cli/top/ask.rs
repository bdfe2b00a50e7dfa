//! Requests to the admin port.

use std::env;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;

use crate::cli::Failure;
use crate::cli::dial::advice::plain;
use crate::cli::dial::https;
use crate::cli::dial::token::TokenFlags;
use crate::cli::top::Order;
use crate::cli::top::answers::{Lists, Slow, Stats, Topics};

/// The admin port of a server.
#[derive(Clone)]
pub(super) struct Admin {
    agent: Agent,
    base: String,
    flags: TokenFlags,
    token: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may come later.
    Later(String),
    /// It never will.
    Never(String),
}

impl Admin {
    pub(super) fn new(address: &str, flags: TokenFlags) -> Result<Self, Failure> {
        let base = match address.split_once("://") {
            None => format!("http://{address}"),
            Some(("http" | "https", _)) => address.trim_end_matches('/').to_owned(),
            Some(_) => {
                return Err(Failure::usage(format!(
                    "--admin {address}: write HOST:PORT, or http:// or https:// before it"
                )));
            }
        };
        let mut admin = Self {
            agent: https::agent(&[], PATIENCE)?,
            base,
            flags,
            token: None,
        };
        admin.take_token().map_err(Failure::usage)?;
        Ok(admin)
    }

    fn take_token(&mut self) -> Result<(), String> {
        let given = self.flags.make().map_err(|err| err.to_string())?;
        let named = env::var(TOKEN_VARIABLE).ok();
        self.token = given.or_else(|| named.filter(|token| !token.is_empty()));
        Ok(())
    }

    /// The numbers of all shards, for which no shard is asked.
    pub(super) fn stats(&mut self) -> Result<Stats, Trouble> {
        self.get("/admin/stats")
    }

    /// The slowest consumers and the busiest topics.
    pub(super) fn lists(&mut self, order: Order) -> Result<Lists, Trouble> {
        let Slow { connections } = self.get(&format!("/admin/slow?limit={ROWS_MAX}"))?;
        let word = order.word();
        let Topics { topics } =
            self.get(&format!("/admin/topics?order={word}&limit={ROWS_MAX}"))?;
        Ok(Lists {
            slow: connections,
            topics,
        })
    }

    fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Trouble> {
        let mut answer = self.attempt(path)?;
        if answer.0 == 401 && self.flags.renews() {
            self.take_token().map_err(Trouble::Later)?;
            answer = self.attempt(path)?;
        }
        let (status, body) = answer;
        let wrong = || {
            let said: Option<Value> = serde_json::from_str(&body).ok();
            let said = said.and_then(|it| Some(it["error"]["message"].as_str()?.to_owned()));
            let said = said.map_or_else(String::new, |said| format!(": {}", plain(&said)));
            format!("{}: status {status}{said}", self.base)
        };
        match status {
            200 => serde_json::from_str(&body).map_err(|_| {
                Trouble::Never(format!(
                    "{}: this is no admin port of corecast; is --admin right?",
                    self.base
                ))
            }),
            401 => Err(Trouble::Never(format!(
                "{}; give --token-file, or {TOKEN_VARIABLE}",
                wrong()
            ))),
            429 | 500..=599 => Err(Trouble::Later(wrong())),
            _ => Err(Trouble::Never(format!("{}; is --admin right?", wrong()))),
        }
    }

    /// The status and the body of an answer.
    fn attempt(&self, path: &str) -> Result<(u16, String), Trouble> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        };
        let later = |err: ureq::Error| {
            let (base, why) = (&self.base, plain(&err.to_string()));
            Trouble::Later(format!("cannot reach {base}: {why}"))
        };
        let mut response = request.call().map_err(later)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        Ok((status, body.read_to_string().map_err(later)?))
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Later(why) => Self::failed(format!(
                "{why}; is the server running with --admin, and is --admin right here?"
            )),
            Trouble::Never(why) => Self::failed(why),
        }
    }
}

/// The server's own variable for its token.
const TOKEN_VARIABLE: &str = "CORECAST_ADMIN_TOKEN";
/// Rows of each list: no terminal shows more.
const ROWS_MAX: usize = 100;
/// How long an answer may take. A shard that is stuck answers nothing.
const PATIENCE: Duration = Duration::from_secs(4);
const ANSWER_BYTES_MAX: u64 = 16 << 20;
