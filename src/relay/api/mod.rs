//! The API for backends: Centrifugo's HTTP methods `publish`, `broadcast` and `batch`, and those
//! about histories, and about users and their tokens.

mod asked;
mod connections;
mod failure;
pub(super) mod history;
pub(super) mod presence;
mod publish;
pub(super) mod server;
pub(super) mod subscriptions;
pub(super) mod tokens;
pub(super) mod users;

use serde::Deserialize;

use crate::handler::{Busy, Refusal};
use crate::proto::http::{Request, Response, is_topic_name};
use crate::relay::access::Publisher;
use crate::relay::api::asked::Asked;
use crate::relay::api::failure::{Failure, NO_COMMAND, NO_METHOD};
use crate::relay::api::history::HistoryMethod;
use crate::relay::api::presence::PresenceMethod;
use crate::relay::api::server::{OfChannels, OfServer, Rpc, ServerMethod};
use crate::relay::api::subscriptions::SubscriptionMethod;
use crate::relay::api::tokens::Revoke;
use crate::relay::commands::{Batch, Numbered};
use crate::relay::{RelayCx, RelaySettings};

/// One request that is being carried out. Each of its messages has a number; those below `done`
/// were published before the request had to wait.
struct Work<'a, 'c> {
    cx: &'a mut RelayCx<'c>,
    client: &'a Publisher,
    done: usize,
    next: usize,
    /// What homes are to answer, if anything.
    asked: Option<Box<Asked>>,
    /// Commands about histories.
    histories: usize,
    /// Commands about clients.
    presences: usize,
    /// Commands about the server.
    censuses: usize,
    /// Bytes of the messages that were read of them.
    bytes_read: usize,
}

/// The result of a command, as JSON.
type Outcome = Result<String, Failure>;

/// Whether a command may name this topic.
fn is_channel(name: &str) -> bool {
    is_topic_name(name) && !name.chars().any(char::is_control)
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
    let mut work = Work::resume(cx, client);
    let by_status = request.header(ERROR_MODE) == Some(b"transport");
    let answer = work.carry_out(method, request.body, by_status);
    work.end(answer)
}

/// Reads a command.
fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

impl<'a, 'c> Work<'a, 'c> {
    /// Begins with a request, or goes on with it.
    fn resume(cx: &'a mut RelayCx<'c>, client: &'a Publisher) -> Self {
        let mut asked = cx.take_work::<Asked>();
        if let (Some(asked), Some(_)) = (&mut asked, cx.answer()) {
            asked.collect();
        }
        Self {
            done: cx.done(),
            next: 0,
            asked,
            histories: 0,
            presences: 0,
            censuses: 0,
            bytes_read: 0,
            cx,
            client,
        }
    }

    /// What homes have been asked.
    fn asked(&mut self) -> &mut Asked {
        let cx = &mut self.cx;
        self.asked.get_or_insert_with(|| Box::new(Asked::new(cx)))
    }

    /// Gives the answer to the request, but not before all homes have answered.
    fn end(self, answer: Result<Response, Refusal>) -> Result<Response, Refusal> {
        let Some(mut asked) = self.asked else {
            return answer;
        };
        let answer = answer.and_then(|response| {
            if self.cx.answer().is_some() {
                return Ok(response);
            }
            self.cx.note_done(self.next);
            Err(asked.wait().into())
        });
        if let Err(Refusal::Wait(_)) = answer {
            self.cx.keep_work(asked);
        }
        answer
    }
}

impl Work<'_, '_> {
    /// `by_status`: an error has the status of its code, but for those in lists.
    fn carry_out(
        &mut self,
        method: &str,
        body: &[u8],
        by_status: bool,
    ) -> Result<Response, Refusal> {
        let result = match method {
            "publish" => self.publish(&read(body)?)?,
            "broadcast" => self.broadcast(&read(body)?)?,
            "history" => self.history(HistoryMethod::Read, &read(body)?)?,
            "history_remove" => self.history(HistoryMethod::Remove, &read(body)?)?,
            "info" => {
                let _: OfServer = read(body)?;
                self.server(ServerMethod::Info)?
            }
            "rpc" => Err(read::<Rpc<'_>>(body)?.refusal()),
            "channels" => self.server(read::<OfChannels<'_>>(body)?.method())?,
            "presence" => self.presence(PresenceMethod::List, &read(body)?)?,
            "presence_stats" => self.presence(PresenceMethod::Count, &read(body)?)?,
            "connections" => self.connections(&read(body)?)?,
            "disconnect" | "refresh" | "send" => self.manage(method, &read(body)?)?,
            "subscribe" => self.change_subscription(SubscriptionMethod::Begin, &read(body)?)?,
            "unsubscribe" => self.change_subscription(SubscriptionMethod::End, &read(body)?)?,
            "invalidate_user_tokens" => self.revoke(Revoke::UserTokens(&read(body)?))?,
            "revoke_token" => self.revoke(Revoke::OneToken(&read(body)?))?,
            _ => {
                let batch = Batch::read(body).map_err(|error| malformed(&error))?;
                return Ok(json(self.batch(&batch)?));
            }
        };
        Ok(match result {
            Err(failure) if by_status => {
                let body = failure.to_json().into_bytes();
                Response::new(failure.status(), "application/json", body)
            }
            result => json(reply("result", result)),
        })
    }

    fn batch(&mut self, batch: &Batch<'_>) -> Result<String, Busy> {
        let mut replies = Vec::new();
        for command in &batch.commands.0 {
            replies.push(match command {
                Some(command) => self.part(command)?,
                None => reply("", Err(NO_COMMAND)),
            });
        }
        Ok(format!("{{\"replies\":[{}]}}", replies.join(",")))
    }

    /// Carries out one command of a batch.
    fn part(&mut self, command: &Numbered<'_>) -> Result<String, Busy> {
        Ok(if let Some(command) = &command.publish {
            reply("publish", self.publish(command)?)
        } else if let Some(command) = &command.broadcast {
            reply("broadcast", self.broadcast(command)?)
        } else if let Some((method, command)) = command.for_user() {
            reply(method, self.manage(method, command)?)
        } else if let Some((name, method, command)) = command.of_subscription() {
            reply(name, self.change_subscription(method, command)?)
        } else if let Some((method, command)) = command.revoke() {
            reply(method, self.revoke(command)?)
        } else if let Some((name, method, command)) = command.of_history() {
            reply(name, self.history(method, command)?)
        } else if let Some(rpc) = &command.rpc {
            reply("", Err(rpc.refusal()))
        } else if let Some((name, method)) = command.of_server() {
            reply(name, self.server(method)?)
        } else if let Some((name, method, command)) = command.of_clients() {
            reply(name, self.presence(method, command)?)
        } else {
            reply("", Err(NO_METHOD))
        })
    }
}

/// An object with one member: a result under its name, or an error.
fn reply(name: &str, outcome: Outcome) -> String {
    match outcome {
        Ok(json) => format!("{{\"{name}\":{json}}}"),
        Err(failure) => format!("{{\"error\":{}}}", failure.to_json()),
    }
}

fn json(body: String) -> Response {
    Response::new(200, "application/json", body.into_bytes())
}

fn malformed(error: &serde_json::Error) -> Response {
    Response::text(400, &format!("malformed request: {error}"))
}

/// With `transport`, errors have a status, as in Centrifugo.
const ERROR_MODE: &str = "x-centrifugo-error-mode";

/// The methods, as paths have them.
const METHODS: &str = "publish, broadcast, batch, subscribe, unsubscribe, disconnect, refresh, connections, send, \
    invalidate_user_tokens, revoke_token, history, history_remove, presence, presence_stats, \
    info, channels, rpc";
