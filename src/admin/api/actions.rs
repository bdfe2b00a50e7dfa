//! What an operator changes.

use serde::Deserialize;
use serde_json::json;

use crate::admin::api::Drain;
use crate::admin::api::rows::Answer;
use crate::handler::{Disconnect, PublishError};
use crate::proto::Kind;
use crate::server::handle::Handle;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with level")]
struct LogLevel {
    level: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with code and reason")]
struct Word {
    code: Option<u16>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with topic and data")]
struct Message {
    topic: String,
    data: String,
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the body: {error}"))
}

/// How a connection is to end.
pub(super) fn disconnect(body: &[u8]) -> Result<Disconnect, String> {
    let word: Word = match body {
        [] => Word::default(),
        body => read(body)?,
    };
    let default = Disconnect::default();
    let code = word.code.unwrap_or_else(|| default.code());
    let reason = word.reason.as_deref().unwrap_or_else(|| default.reason());
    Disconnect::new(code, reason).map_err(|error| error.to_string())
}

/// Begins to drain.
pub(super) fn drain(drain: &mut Drain) -> Answer {
    log::info!("admin: draining");
    drain();
    Answer::of(202, &json!({"draining": true}))
}

/// The level of the log.
pub(super) fn level() -> Answer {
    Answer::of(200, &json!({"level": word(log::max_level())}))
}

/// Sets it, at once.
pub(super) fn set_level(body: &[u8]) -> Result<Answer, String> {
    let LogLevel { level } = read(body)?;
    let known = LEVELS.iter().find(|known| word(**known) == level);
    let Some(&level) = known else {
        let words = LEVELS.map(word).join(", ");
        return Err(format!("level: {level:?} must be one of {words}"));
    };
    let before = log::max_level();
    log::set_max_level(level.max(log::LevelFilter::Info).min(log::STATIC_MAX_LEVEL));
    log::info!("admin: log level {}, was {}", word(level), word(before));
    log::set_max_level(level);
    let (level, before) = (word(level), word(before));
    Ok(Answer::of(200, &json!({"level": level, "before": before})))
}

/// Publishes a text.
pub(super) fn publish(handle: &Handle, body: &[u8]) -> Result<Answer, String> {
    let Message { topic, data } = read(body)?;
    match handle.publish(&*topic, Kind::Text, data.as_bytes()) {
        Ok(()) => Ok(Answer::of(202, &json!({"published": true}))),
        Err(PublishError::Busy(_)) => Ok(Answer::busy()),
        Err(error @ PublishError::Stopped) => Ok(Answer::error(503, &error.to_string())),
        Err(error) => Err(error.to_string()),
    }
}

fn word(level: log::LevelFilter) -> &'static str {
    match level {
        log::LevelFilter::Off => "off",
        log::LevelFilter::Error => "error",
        log::LevelFilter::Warn => "warn",
        log::LevelFilter::Info => "info",
        log::LevelFilter::Debug => "debug",
        log::LevelFilter::Trace => "trace",
    }
}

/// As `log.level` has them.
const LEVELS: [log::LevelFilter; 5] = [
    log::LevelFilter::Off,
    log::LevelFilter::Error,
    log::LevelFilter::Warn,
    log::LevelFilter::Info,
    log::LevelFilter::Debug,
];
