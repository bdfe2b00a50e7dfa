//! The API for operators: what it has at which path.

mod actions;
mod params;
mod rates;
pub(super) mod rows;
mod stats;
pub(super) mod sweep;
pub(super) mod sweeps;
pub(super) mod trace;
pub(super) mod traces;

use core::net::IpAddr;
use std::sync::Arc;

use crate::admin::access::Access;
use crate::admin::api::params::Params;
use crate::admin::api::rows::Answer;
use crate::admin::api::stats::stats;
use crate::admin::api::sweep::{Order, Sweep, TopicsAsked};
use crate::admin::api::trace::{Follow, follow};
use crate::admin::health::Health;
use crate::id::ConnectionId;
use crate::limits::ADMIN_SLOW_MAX;
use crate::pattern::glob::Glob;
use crate::proto::http::{Request, Response};
use crate::server::handle::Handle;
use crate::server::look::ConnectionFilter;
use crate::time::Now;

/// What the answer to a request is.
pub(super) enum Outcome {
    Now(Response),
    /// Shards are to be asked first.
    Later(Box<Sweep>),
    /// Lines follow, as things happen.
    Follow(Follow),
}

/// What drains the server.
pub(super) type Drain = Box<dyn FnMut() + Send>;

/// One request to the API.
pub(super) struct Call<'c> {
    pub(super) handle: &'c Handle,
    pub(super) health: &'c Health,
    pub(super) access: &'c Access,
    pub(super) drain: &'c mut Drain,
    pub(super) from: IpAddr,
    pub(super) now: Now,
}

/// The paths, for the answer to one that is unknown.
const PATHS: &str = "/admin/stats, /admin/connections, /admin/connections/ID, \
                     /admin/connections/ID/disconnect, /admin/topics, /admin/slow, \
                     /admin/publish, /admin/drain, /admin/log, /admin/trace";

/// Protocols of connections, as lists name them.
const PROTOCOLS: [&str; 5] = ["websocket", "sse", "http_stream", "tcp", "http"];

impl Call<'_> {
    /// Answers a request to `/admin/{path}`.
    pub(super) fn answer(self, request: &Request<'_>, path: &str) -> Outcome {
        let Some(allowed) = methods(path) else {
            return Answer::error(404, &format!("no such path; there are {PATHS}")).into();
        };
        let is_read = matches!(request.method, "GET" | "HEAD");
        let access = self.access.check(request, !is_read, self.from, self.now);
        if let Err(refusal) = access {
            let (status, message) = refusal.answer();
            let response = Answer::error(status, &message).response();
            return Outcome::Now(refusal.with_fields(response));
        }
        if !allowed.split(", ").any(|method| method == request.method) {
            let response = Answer::error(405, &format!("use {allowed}")).response();
            return Outcome::Now(response.with_header("Allow", allowed));
        }
        self.carry_out(request, path)
            .unwrap_or_else(|wrong| Answer::error(400, &wrong).into())
    }

    fn carry_out(self, request: &Request<'_>, path: &str) -> Result<Outcome, String> {
        let handle = self.handle;
        let sweep = match path {
            "connections" => {
                let known = ["user", "address", "topic", "protocol", "limit", "cursor"];
                let params = Params::of(request, &known)?;
                let filter = ConnectionFilter {
                    user: params.text("user"),
                    address: params.value("address", "an IP address, without a port")?,
                    topic: params.text("topic"),
                    protocol: params.word("protocol", &PROTOCOLS)?,
                };
                let cursor = params.value("cursor", "the cursor of the page before")?;
                Sweep::connections(handle, filter, params.limit()?, cursor)
            }
            "topics" => {
                let params = Params::of(request, &["pattern", "order", "limit", "cursor"])?;
                let pattern = params.text("pattern").unwrap_or_else(|| "*".to_owned());
                let wrong = || {
                    format!(
                        "pattern={pattern}: a pattern has *, ?, [a-c], [!a-c], {{one,two}} and \\"
                    )
                };
                let order = params.word("order", &Order::WORDS)?;
                let asked = TopicsAsked {
                    glob: Arc::new(Glob::parse(&pattern).ok_or_else(wrong)?),
                    limit: params.limit()?,
                    after: params.text("cursor"),
                    order: Order::of(order.as_deref()),
                };
                if asked.after.is_some() && asked.order != Order::Name {
                    return Err("cursor: only topics in the order of their names have pages".into());
                }
                Sweep::topics(handle, asked)
            }
            "slow" => {
                let params = Params::of(request, &["limit"])?;
                Sweep::slow(handle, params.number("limit", 20, ADMIN_SLOW_MAX)?)
            }
            "trace" => return Ok(Outcome::Follow(follow(handle, request)?)),
            "stats" => {
                Params::of(request, &[])?;
                return Ok(stats(handle, self.health, self.now).into());
            }
            "log" if request.method != "PUT" => return Ok(actions::level().into()),
            "log" => return Ok(actions::set_level(request.body)?.into()),
            "publish" => return Ok(actions::publish(handle, request.body)?.into()),
            "drain" => return Ok(actions::drain(self.drain).into()),
            path => match connection_of(path) {
                Some((id, false)) => Sweep::one(handle, id, None),
                Some((id, true)) => {
                    Sweep::one(handle, id, Some(actions::disconnect(request.body)?))
                }
                None => return Err("an id of a connection is as in 3.17.2".to_owned()),
            },
        };
        Ok(Outcome::Later(Box::new(sweep)))
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self::Now(answer.response())
    }
}

/// The methods of a path, if there is one.
fn methods(path: &str) -> Option<&'static str> {
    Some(match path {
        "stats" | "connections" | "topics" | "slow" => "GET, HEAD",
        "log" => "GET, HEAD, PUT",
        "trace" => "GET",
        "drain" | "publish" => "POST",
        _ => match path.strip_prefix("connections/")?.split_once('/') {
            None => "GET, HEAD",
            Some((_, "disconnect")) => "POST",
            Some(_) => return None,
        },
    })
}

/// The connection that a path names, and whether it is to be disconnected.
fn connection_of(path: &str) -> Option<(ConnectionId, bool)> {
    let rest = path.strip_prefix("connections/")?;
    let id = rest.strip_suffix("/disconnect");
    Some((id.unwrap_or(rest).parse().ok()?, id.is_some()))
}
