//! Publishing with the HTTP API, as backends do: each message is acknowledged, and repeated with
//! its idempotency key until it is.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::after;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ureq::Agent;

use crate::cli::Failure;
use crate::cli::dial::advice::{plain, refusal};
use crate::cli::dial::{clock, https};
use crate::proto::Kind;
use crate::proto::centrifuge::Error;

/// Where and how messages are published.
pub(super) struct Api {
    agent: Agent,
    url: String,
    key: String,
    topic: String,
    message_key: Option<String>,
    /// Of one message, as the user has given it.
    once: Option<String>,
    /// What the keys of the others begin with.
    run: String,
    published: u64,
    patience: Duration,
}

/// What an API publisher needs to know.
pub(super) struct Access {
    pub(super) url: String,
    pub(super) key: String,
    pub(super) authorities: Vec<PathBuf>,
    pub(super) patience: Duration,
}

#[derive(Serialize)]
struct Body<'m> {
    channel: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'m RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64data: Option<String>,
    idempotency_key: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'m str>,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    code: u32,
    message: String,
}

/// Whether another attempt may succeed.
enum Attempt {
    Later(String),
    Never(String),
}

impl Api {
    pub(super) fn new(
        access: Access,
        topic: &str,
        message_key: Option<&str>,
        once: Option<&str>,
    ) -> Result<Self, Failure> {
        let random = || RandomState::new().hash_one(0_u8);
        Ok(Self {
            agent: https::agent(&access.authorities, ANSWER_TIMEOUT)?,
            url: access.url,
            key: access.key,
            topic: topic.to_owned(),
            message_key: message_key.map(str::to_owned),
            once: once.map(str::to_owned),
            run: format!("pub-{:016x}{:016x}", random(), random()),
            published: 0,
            patience: access.patience,
        })
    }

    /// Publishes one message, and waits until that is acknowledged.
    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Failure> {
        let own = format!("{}-{}", self.run, self.published);
        let data: Option<&RawValue> = match kind {
            Kind::Text => serde_json::from_slice(payload).ok(),
            Kind::Binary => None,
        };
        let body = Body {
            channel: &self.topic,
            data,
            b64data: data.is_none().then(|| BASE64.encode(payload)),
            idempotency_key: self.once.as_deref().unwrap_or(&own),
            key: self.message_key.as_deref(),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let deadline = clock() + self.patience;
        let mut longest = FIRST_DELAY;
        loop {
            let why = match self.attempt(&body) {
                Ok(()) => break,
                Err(Attempt::Never(why)) => return Err(self.broken(&why)),
                Err(Attempt::Later(why)) => why,
            };
            let next = wait(longest);
            if deadline <= next {
                return Err(self.broken(&why));
            }
            longest = (2 * longest).min(LONGEST_DELAY);
        }
        self.published += 1;
        Ok(())
    }

    fn attempt(&self, body: &[u8]) -> Result<(), Attempt> {
        let request = self.agent.post(&self.url);
        let request = request.header("X-API-Key", &self.key);
        let sent = request
            .header("Content-Type", "application/json")
            .send(body);
        let mut response = sent.map_err(|err| {
            Attempt::Later(format!(
                "cannot reach {}: {}; is the server running, and --url right?",
                self.url,
                plain(&err.to_string())
            ))
        })?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let body = body.read_to_string().unwrap_or_default();
        let text = shown(&body);
        match status {
            200 => match serde_json::from_str(&body) {
                Ok(Answer { error: None }) => Ok(()),
                Ok(Answer { error: Some(error) }) => {
                    let error = Error {
                        code: error.code,
                        message: error.message,
                        temporary: false,
                    };
                    let why = refusal(&error);
                    // Asked again with the same key, it is published once.
                    Err(if error.code == 100 {
                        Attempt::Later(why)
                    } else {
                        Attempt::Never(why)
                    })
                }
                Err(_) => Err(Attempt::Never(
                    "the answer is not that of the publish API".to_owned(),
                )),
            },
            401 => Err(Attempt::Never(format!(
                "status 401: {text}; is the API key right?"
            ))),
            403 => Err(Attempt::Never(format!(
                "status 403: {text}; the server needs `api.key` or `auth.api_keys` in its configuration"
            ))),
            408 | 429 | 500..=599 => Err(Attempt::Later(format!("status {status}: {text}"))),
            _ => Err(Attempt::Never(format!("status {status}: {text}"))),
        }
    }

    fn broken(&self, why: &str) -> Failure {
        let published = self.published;
        Failure::failed(format!("{why}; {published} messages are published"))
    }
}

/// The beginning of an answer's text, which may be that of any server.
fn shown(body: &str) -> String {
    plain(body.trim()).chars().take(SHOWN_CHARS_MAX).collect()
}

/// Waits a random time, up to `longest`; what the clock says then.
fn wait(longest: Duration) -> Instant {
    let random = RandomState::new().hash_one(0_u8) % 1_000;
    let share = u32::try_from(random).unwrap_or_default();
    let _passed = after(longest * share / 1_000).recv();
    clock()
}

/// The longest answer that is read: that of the publish API is short.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
const SHOWN_CHARS_MAX: usize = 300;
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// How long the server may take for an answer, longer than its own `timeouts.handshake`.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_answers_is_short_and_controls_no_terminal() {
        assert_eq!(shown(" no\u{1b}[2J\n"), "no [2J");
        assert_eq!(shown(&"\u{e4}".repeat(1_000)).chars().count(), 300);
    }
}
