//! Methods that publish: `publish` and `broadcast`, as Centrifugo has them.

use std::borrow::Cow;

use crate::auth::Action;
use crate::handler::{Busy, Publish, PublishError, SharedMessage};
use crate::limits::API_ANSWER_TIMEOUT;
use crate::proto::Kind;
use crate::relay::api::asked::Told;
use crate::relay::api::failure::{
    CHANNEL, DENIED, Failure, INTERNAL, OPTIONS, TAGS, TOO_LONG, UNKNOWN, bad_request,
};
use crate::relay::api::history::placed;
use crate::relay::api::{Outcome, Work, is_channel, reply};
use crate::relay::commands::{Command, Unknown};

/// A message to publish to any number of topics.
struct Shareable<'m> {
    kind: Kind,
    bytes: &'m [u8],
    options: Publish<'m>,
    shared: Option<SharedMessage>,
}

impl Work<'_, '_> {
    pub(super) fn publish(&mut self, command: &Command<'_>) -> Result<Outcome, Busy> {
        let (kind, bytes, options) = match message_of(command) {
            Ok(message) => message,
            Err(failure) => return Ok(Err(failure)),
        };
        let Some(channel) = command.channel.as_deref() else {
            return Ok(Err(missing("channel", command)));
        };
        let mut message = Shareable::new(kind, &bytes, options);
        self.put(channel, &mut message, command.once())
    }

    pub(super) fn broadcast(&mut self, command: &Command<'_>) -> Result<Outcome, Busy> {
        let (kind, bytes, options) = match message_of(command) {
            Ok(message) => message,
            Err(failure) => return Ok(Err(failure)),
        };
        let Some(channels) = command.channels().filter(|list| !list.0.is_empty()) else {
            return Ok(Err(missing("channels", command)));
        };
        let mut message = Shareable::new(kind, &bytes, options);
        let mut responses = Vec::new();
        for channel in &channels.0 {
            let put = self.put(channel, &mut message, command.once())?;
            responses.push(reply("result", put));
        }
        Ok(Ok(format!("{{\"responses\":[{}]}}", responses.join(","))))
    }

    /// Publishes one message, unless an earlier call has published it.
    fn put(
        &mut self,
        channel: &str,
        message: &mut Shareable<'_>,
        once: &str,
    ) -> Result<Outcome, Busy> {
        let number = self.next;
        self.next += 1;
        // This check comes first: a message that can never be published must be an error after a
        // wait as well.
        if !is_channel(channel) {
            return Ok(Err(CHANNEL));
        }
        if self.cx.is_unknown(channel, false) {
            return Ok(Err(UNKNOWN));
        }
        if self.cx.message_bytes_max() < message.bytes.len() {
            return Ok(Err(TOO_LONG));
        }
        if message.options.check().is_err() {
            return Ok(Err(OPTIONS));
        }
        let is_new = self.done <= number;
        if !self.client.may(self.cx, Action::Publish, channel, is_new) {
            return Ok(Err(DENIED));
        }
        let is_told = self.cx.has_position_within(channel, API_ANSWER_TIMEOUT);
        if !is_new {
            return Ok(self.placed(number));
        }
        let mut publish = message.options.again();
        if !once.is_empty() {
            publish = publish.once(once);
        }
        if is_told {
            publish = publish.reply(self.asked().reply(number, Told::Position));
        }
        let put = message.share();
        let put = put.and_then(|message| self.cx.publish_shared(channel, message, publish));
        match put {
            Ok(()) => {
                if is_told {
                    self.asked().note(number);
                }
                Ok(Ok("{}".to_owned()))
            }
            Err(PublishError::Busy(busy)) => {
                self.cx.note_done(number);
                Err(busy)
            }
            Err(_) => Ok(Err(INTERNAL)),
        }
    }

    /// The result of a message that was published before.
    fn placed(&mut self, number: usize) -> Outcome {
        let asked = self.asked.as_mut().filter(|asked| asked.has(number));
        match asked.map(|asked| asked.take(number)) {
            None => Ok("{}".to_owned()),
            Some(Some(Told::Position(position))) => Ok(placed(position)),
            Some(_) => Err(INTERNAL),
        }
    }
}

impl<'m> Shareable<'m> {
    fn new(kind: Kind, bytes: &'m [u8], options: Publish<'m>) -> Self {
        Self {
            kind,
            bytes,
            options,
            shared: None,
        }
    }

    /// The message as it is published. It is copied only when it is first needed: a repeated
    /// request has few messages left.
    fn share(&mut self) -> Result<&SharedMessage, PublishError> {
        let shared = match self.shared.take() {
            Some(shared) => shared,
            None => SharedMessage::new(self.kind, self.bytes)?,
        };
        Ok(self.shared.insert(shared))
    }
}

/// The message of a command, or an error if a field is misspelled or missing.
fn message_of<'m>(command: &'m Command<'_>) -> Result<(Kind, Cow<'m, [u8]>, Publish<'m>), Failure> {
    if let Some(Unknown {
        name,
        meant: Some(meant),
    }) = command.unknown.as_deref()
    {
        let text = format!("bad request: unknown field {name}; did you mean {meant}?");
        return Err(bad_request(text));
    }
    let (kind, bytes) = command
        .message()
        .ok_or_else(|| missing("data, or b64data in base64", command))?;
    let options = command.options().ok_or(TAGS)?;
    Ok((kind, bytes, options))
}

/// The error of a command without a required field. An unknown field may be a misspelling of it.
fn missing(what: &str, command: &Command<'_>) -> Failure {
    let has = match command.unknown.as_deref() {
        Some(Unknown { name, .. }) => format!("; there is no field {name}"),
        None => String::new(),
    };
    bad_request(format!("bad request: send {what}{has}"))
}
