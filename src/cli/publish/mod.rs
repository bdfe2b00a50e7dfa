//! `corecast pub`: publishes messages.

#[cfg(feature = "auth")]
mod api;
mod link;
mod opening;
mod raw;
mod session;
mod source;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use crossbeam_channel::RecvTimeoutError;
use serde::de::IgnoredAny;

use crate::cli::Failure;
use crate::cli::dial::{Dial, Protocol, time};
#[cfg(feature = "auth")]
use crate::cli::publish::api::{Access, Api};
use crate::cli::publish::link::Link;
use crate::cli::publish::raw::Raw;
use crate::cli::publish::session::Session;
use crate::cli::publish::source::{Messages, lines, repeated, whole};
use crate::proto::Kind;

/// The flags of `corecast pub`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Pub {
    /// The topic. Over TCP the listener decides it: write -
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// The message; - or nothing reads it from standard input
    #[arg(value_name = "MESSAGE", conflicts_with = "file")]
    message: Option<String>,
    /// Read the message from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Each line of the input is a message, published as it comes
    #[arg(long)]
    lines: bool,
    /// Publish binary messages; without it, messages are text, which must be UTF-8
    #[arg(long)]
    binary: bool,
    /// Publish the message so many times
    #[arg(
        long, value_name = "N", default_value_t = 1, conflicts_with = "lines",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    repeat: u64,
    /// Wait so long after each message but the last
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    interval: Duration,
    /// For topics that keep the newest message of each key (`keys`): of what this is the newest
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Publish with the HTTP API and this key; other users of the host may see it
    #[cfg(feature = "auth")]
    #[arg(long, value_name = "KEY", conflicts_with_all = ["protocol", "TokenFlags"])]
    api_key: Option<String>,
    /// The same with the key in this file; - is standard input
    #[cfg(feature = "auth")]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["api_key", "protocol", "TokenFlags"])]
    api_key_file: Option<PathBuf>,
    /// With the HTTP API: the name of the message, which is not published again under it within 5
    /// minutes [default: a random one]
    #[cfg(feature = "auth")]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["lines", "repeat"])]
    idempotency_key: Option<String>,
    #[command(flatten)]
    dial: Dial,
}

impl Pub {
    /// Publishes all messages.
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        #[cfg(feature = "auth")]
        self.check()?;
        // Before it connects: the server would wait.
        let messages = self.messages()?;
        let mut link = self.connect()?;
        let mut is_first = true;
        while let Some(message) = next(&messages, &mut link)? {
            if !std::mem::replace(&mut is_first, false) && !self.interval.is_zero() {
                link.wait(self.interval)?;
            }
            link.send(self.kind(&link, &message)?, &message)?;
        }
        link.finish()
    }

    fn connect(&self) -> Result<Link, Failure> {
        #[cfg(feature = "auth")]
        if let Some(key) = self.api_key()? {
            let access = Access {
                url: self.dial.base()?.api("publish")?,
                key,
                authorities: self.dial.authorities(),
                patience: self.dial.patience(),
            };
            let (key, once) = (self.key.as_deref(), self.idempotency_key.as_deref());
            let api = Api::new(access, &self.topic, key, once)?;
            return Ok(Link::Api(Box::new(api)));
        }
        let key = self.key.as_deref();
        Ok(match (self.dial.protocol, key) {
            (Some(Protocol::Structured), None) => {
                Link::Session(Box::new(Session::connect(&self.dial, &self.topic)?))
            }
            (Some(Protocol::Structured), Some(_)) => {
                return Err(Failure::usage("--key needs --protocol raw or --api-key"));
            }
            _ => Link::Raw(Box::new(Raw::connect(&self.dial, &self.topic, key)?)),
        })
    }

    /// Whether the flags of the API go together with the others.
    #[cfg(feature = "auth")]
    fn check(&self) -> Result<(), Failure> {
        let stdin = Path::new("-");
        let has_message = self
            .message
            .as_deref()
            .is_some_and(|message| message != "-");
        let has_file = self.file.as_deref().is_some_and(|file| file != stdin);
        if self.api_key_file.as_deref() == Some(stdin) && !has_message && !has_file {
            return Err(Failure::usage(
                "--api-key-file - and the message cannot both be standard input",
            ));
        }
        let uses_api = self.api_key.is_some() || self.api_key_file.is_some();
        if uses_api && self.dial.has_certificate() {
            return Err(Failure::usage("the HTTP API does not take --tls-cert"));
        }
        Ok(())
    }

    /// The key of the publish API, if it is to be used.
    #[cfg(feature = "auth")]
    fn api_key(&self) -> Result<Option<String>, Failure> {
        if let Some(path) = &self.api_key_file {
            let key = whole(path)?;
            let key = String::from_utf8_lossy(&key).trim().to_owned();
            return Ok(Some(key));
        }
        Ok(self.api_key.clone())
    }

    fn messages(&self) -> Result<Messages, Failure> {
        let stdin = Path::new("-");
        let path = match (&self.message, &self.file) {
            (Some(message), _) if message != "-" => {
                if self.lines {
                    return Err(Failure::usage("--lines needs --file or standard input"));
                }
                return Ok(repeated(message.as_bytes(), self.repeat));
            }
            (_, Some(path)) => path,
            _ => stdin,
        };
        if self.lines {
            return lines(path);
        }
        Ok(repeated(&whole(path)?, self.repeat))
    }

    fn kind(&self, link: &Link, message: &[u8]) -> Result<Kind, Failure> {
        if self.binary {
            return Ok(Kind::Binary);
        }
        if link.wants_json() && serde_json::from_slice::<IgnoredAny>(message).is_err() {
            return Err(Failure::usage(
                "the publish API and the structured protocol take text that is JSON, such as a \
                 string in double quotes; other messages are --binary",
            ));
        }
        match std::str::from_utf8(message) {
            Ok(_) => Ok(Kind::Text),
            Err(_) => Err(Failure::usage(
                "the message is not UTF-8: publish it as binary, with --binary",
            )),
        }
    }
}

/// The next message; the connection is kept alive until there is one.
fn next(messages: &Messages, link: &mut Link) -> Result<Option<Vec<u8>>, Failure> {
    loop {
        match messages.recv_timeout(MOMENT) {
            Ok(message) => return message.map(Some),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => link.wait(Duration::ZERO)?,
        }
    }
}

/// How long the connection may be left alone.
const MOMENT: Duration = Duration::from_millis(50);

const EXAMPLES: &str = "\
Over WebSocket, the command ends when the server has taken all messages. If the connection is \
lost, it ends at once and says how many were sent. Over TCP there is no acknowledgement: the exit \
code 0 says that the server's host was sent all of them.

With --protocol structured, and with the HTTP API (--api-key), each message is acknowledged. The \
API takes a message again that it has not acknowledged, and publishes it once; this lasts as long \
as --connect-timeout. Both take text that is JSON, and anything with --binary.

Exit codes: 0 published; 1 the server refuses it, cannot be reached, or may not have taken all \
messages; 2 wrong flags or files.

Examples:
  corecast pub lobby hello
  corecast pub lobby --file picture.png --binary
  tail -f /var/log/syslog | corecast pub logs --lines
  corecast pub lobby tick --repeat 60 --interval 1s
  corecast pub news hello --url wss://example.com --token-file token
  corecast pub lobby '{\"temp\": 21.5}' --api-key-file key
  corecast pub - hello --url tcp://127.0.0.1:9000";
