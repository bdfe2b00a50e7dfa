//! The API for backends: Centrifugo's HTTP methods `publish`, `broadcast` and `batch`, and those
//! about users and their tokens.

mod failure;
pub(super) mod tokens;
pub(super) mod users;

use std::borrow::Cow;

use serde::Deserialize;

use crate::auth::Action;
use crate::handler::{Busy, PublishError, Refusal, SharedMessage};
use crate::proto::Kind;
use crate::proto::http::{Request, Response, is_topic_name};
use crate::relay::access::Publisher;
use crate::relay::api::failure::{
    CHANNEL, DENIED, Failure, INTERNAL, NO_COMMAND, NO_METHOD, TOO_LONG, bad_request,
};
use crate::relay::api::tokens::Revoke;
use crate::relay::commands::{Batch, Command, Numbered, Unknown};
use crate::relay::{RelayCx, RelaySettings};

/// One request that is being carried out. Each of its messages has a number; those below `done`
/// were published before the request had to wait.
struct Work<'a, 'c> {
    cx: &'a mut RelayCx<'c>,
    client: &'a Publisher,
    done: usize,
    next: usize,
}

/// A message to publish to any number of topics.
struct Shareable<'m> {
    kind: Kind,
    bytes: &'m [u8],
    shared: Option<SharedMessage>,
}

/// The client of a request to `/api/{method}`, or the refusal, which its head alone decides.
pub(super) fn admit(
    cx: &mut RelayCx<'_>,
    settings: &RelaySettings,
    request: &Request<'_>,
    method: &str,
) -> Result<Publisher, Response> {
    if METHODS.split(", ").all(|known| known != method) {
        let methods = format!("no such method; there are {METHODS}");
        return Err(Response::text(404, &methods));
    }
    let allowed = "POST, OPTIONS";
    match request.method {
        "POST" => {}
        "OPTIONS" => return Err(Response::empty().with_header("Allow", allowed)),
        _ => return Err(Response::method_not_allowed(allowed)),
    }
    cx.check_attempt()?;
    let Some(client) = Publisher::of(cx, settings, request) else {
        let off = "the publish API is off: the server has no API key";
        return Err(Response::text(403, off));
    };
    let client = client.map_err(|denial| {
        cx.refuse(denial, "");
        let wrong = "send the API key: X-API-Key, or Authorization: apikey";
        // RFC 9110 15.5.2: a 401 names the way to authenticate.
        Response::text(denial.status(), wrong).with_header("WWW-Authenticate", "apikey")
    })?;
    let is_coded = |coding: &[u8]| !coding.eq_ignore_ascii_case(b"identity");
    let is_coded = request.headers("content-encoding").any(is_coded);
    let unread = "the body must come as it is, without Content-Encoding";
    // RFC 9110 12.5.3: a 415 because of a coding names the supported ones.
    if is_coded {
        return Err(Response::text(415, unread).with_header("Accept-Encoding", "identity"));
    }
    Ok(client)
}

/// Answers a request to `/api/{method}`. After [`Busy`] it is repeated and continues where it
/// stopped.
pub(super) fn answer(
    cx: &mut RelayCx<'_>,
    settings: &RelaySettings,
    request: &Request<'_>,
    method: &str,
) -> Result<Response, Refusal> {
    let client = &admit(cx, settings, request, method)?;
    let mut work = Work {
        done: cx.done(),
        next: 0,
        cx,
        client,
    };
    let result = match method {
        "publish" => work
            .publish(&read(request.body)?)?
            .map(|()| "{}".to_owned()),
        "broadcast" => work.broadcast(&read(request.body)?)?,
        "connections" => work.connections(&read(request.body)?)?,
        "disconnect" | "refresh" | "send" => work.manage(method, &read(request.body)?)?,
        "invalidate_user_tokens" => work.revoke(Revoke::UserTokens(&read(request.body)?))?,
        "revoke_token" => work.revoke(Revoke::OneToken(&read(request.body)?))?,
        _ => {
            let batch = Batch::read(request.body).map_err(|error| malformed(&error))?;
            return Ok(json(work.batch(&batch)?));
        }
    };
    Ok(json(reply("result", result)))
}

/// Reads a command.
fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

impl Work<'_, '_> {
    fn batch(&mut self, batch: &Batch<'_>) -> Result<String, Busy> {
        let mut replies = Vec::new();
        for command in &batch.commands.0 {
            replies.push(match command {
                Some(Numbered {
                    publish: Some(command),
                    ..
                }) => reply("publish", self.publish(command)?.map(|()| "{}".to_owned())),
                Some(Numbered {
                    broadcast: Some(command),
                    ..
                }) => reply("broadcast", self.broadcast(command)?),
                Some(command) => match (command.for_user(), command.revoke()) {
                    (Some((method, command)), _) => reply(method, self.manage(method, command)?),
                    (_, Some((method, command))) => reply(method, self.revoke(command)?),
                    _ => reply("", Err(NO_METHOD)),
                },
                None => reply("", Err(NO_COMMAND)),
            });
        }
        Ok(format!("{{\"replies\":[{}]}}", replies.join(",")))
    }

    fn publish(&mut self, command: &Command<'_>) -> Result<Result<(), Failure>, Busy> {
        let (kind, bytes) = match message_of(command) {
            Ok(message) => message,
            Err(failure) => return Ok(Err(failure)),
        };
        let Some(channel) = command.channel.as_deref() else {
            return Ok(Err(missing("channel", command)));
        };
        self.put(channel, &mut Shareable::new(kind, &bytes), command.key())
    }

    fn broadcast(&mut self, command: &Command<'_>) -> Result<Result<String, Failure>, Busy> {
        let (kind, bytes) = match message_of(command) {
            Ok(message) => message,
            Err(failure) => return Ok(Err(failure)),
        };
        let Some(channels) = command.channels().filter(|list| !list.0.is_empty()) else {
            return Ok(Err(missing("channels", command)));
        };
        let mut message = Shareable::new(kind, &bytes);
        let mut responses = Vec::new();
        for channel in &channels.0 {
            let put = self.put(channel, &mut message, command.key())?;
            responses.push(reply("result", put.map(|()| "{}".to_owned())));
        }
        Ok(Ok(format!("{{\"responses\":[{}]}}", responses.join(","))))
    }

    /// Publishes one message, unless an earlier call has published it.
    fn put(
        &mut self,
        channel: &str,
        message: &mut Shareable<'_>,
        key: &str,
    ) -> Result<Result<(), Failure>, Busy> {
        let number = self.next;
        self.next += 1;
        // This check comes first: a message that can never be published must be an error after a
        // wait as well.
        if !is_topic_name(channel) || channel.chars().any(char::is_control) {
            return Ok(Err(CHANNEL));
        }
        if self.cx.message_bytes_max() < message.bytes.len() {
            return Ok(Err(TOO_LONG));
        }
        let is_new = self.done <= number;
        if !self.client.may(self.cx, Action::Publish, channel, is_new) {
            return Ok(Err(DENIED));
        }
        if !is_new {
            return Ok(Ok(()));
        }
        let key = Some(key).filter(|key| !key.is_empty());
        let put = message.share();
        let put = put.and_then(|message| self.cx.publish_shared(channel, message, key));
        Ok(match put {
            Ok(()) => Ok(()),
            Err(PublishError::Busy(busy)) => {
                self.cx.note_done(number);
                return Err(busy);
            }
            Err(_) => Err(INTERNAL),
        })
    }
}

impl<'m> Shareable<'m> {
    fn new(kind: Kind, bytes: &'m [u8]) -> Self {
        Self {
            kind,
            bytes,
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
fn message_of<'m>(command: &'m Command<'_>) -> Result<(Kind, Cow<'m, [u8]>), Failure> {
    if let Some(Unknown {
        name,
        meant: Some(meant),
    }) = command.unknown.as_deref()
    {
        let text = format!("bad request: unknown field {name}; did you mean {meant}?");
        return Err(bad_request(Cow::Owned(text)));
    }
    command
        .message()
        .ok_or_else(|| missing("data, or b64data in base64", command))
}

/// The error of a command without a required field. An unknown field may be a misspelling of it.
fn missing(what: &str, command: &Command<'_>) -> Failure {
    let has = match command.unknown.as_deref() {
        Some(Unknown { name, .. }) => format!("; there is no field {name}"),
        None => String::new(),
    };
    bad_request(Cow::Owned(format!("bad request: send {what}{has}")))
}

/// An object with one member: a result under its name, or an error.
fn reply(name: &str, outcome: Result<String, Failure>) -> String {
    match outcome {
        Ok(json) => format!("{{\"{name}\":{json}}}"),
        Err(Failure { code, message }) => {
            // Every text can be written as JSON.
            let message = serde_json::to_string(&message).unwrap_or_default();
            format!("{{\"error\":{{\"code\":{code},\"message\":{message}}}}}")
        }
    }
}

fn json(body: String) -> Response {
    Response::new(200, "application/json", body.into_bytes())
}

fn malformed(error: &serde_json::Error) -> Response {
    Response::text(400, &format!("malformed request: {error}"))
}

/// The methods, as paths have them.
const METHODS: &str = "publish, broadcast, batch, disconnect, refresh, connections, send, \
    invalidate_user_tokens, revoke_token";
