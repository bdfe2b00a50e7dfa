//! The answers of the admin port.

use std::sync::Arc;

use core::net::IpAddr;

use crate::admin::access::{Access, Refusal};
use crate::admin::api::{Call, Drain, Outcome};
use crate::admin::format::Format;
use crate::admin::health::Health;
use crate::admin::log_queue::LogQueue;
use crate::admin::metrics::{Scrape, encode};
use crate::admin::page::dashboard;
use crate::backplane::BackplaneCounters;
use crate::proto::http::{Request, Response};
use crate::server::handle::Handle;
use crate::time::Now;

/// The sources of the answers.
pub(super) struct Answers {
    pub(super) handle: Handle,
    pub(super) health: Health,
    pub(super) access: Access,
    pub(super) drain: Drain,
    pub(super) log: Option<LogQueue>,
    pub(super) backplane: Arc<BackplaneCounters>,
}

impl Answers {
    /// The answer to a request.
    pub(super) fn answer(&mut self, request: &Request<'_>, from: IpAddr, now: Now) -> Outcome {
        if let Some(path) = request.path.strip_prefix("/admin/") {
            let call = Call {
                handle: &self.handle,
                health: &self.health,
                access: &self.access,
                drain: &mut self.drain,
                from,
                now,
            };
            return call.answer(request, path);
        }
        Outcome::Now(self.page(request, from, now))
    }

    fn page(&self, request: &Request<'_>, from: IpAddr, now: Now) -> Response {
        if !matches!(request.method, "GET" | "HEAD") {
            return Response::method_not_allowed("GET, HEAD");
        }
        let is_ready = self.handle.is_ready();
        match request.path {
            "/metrics" => match self.access.check_metrics(request, from, now) {
                Ok(()) => self.measured(Format::preferred(request.headers("accept"))),
                Err(refusal) => refused(refusal),
            },
            "/livez" => self.stuck().unwrap_or_else(|| Response::text(200, "alive")),
            "/readyz" if !is_ready => Response::text(503, "draining"),
            "/readyz" => self.stuck().unwrap_or_else(|| Response::text(200, "ready")),
            "/" => dashboard(),
            _ => Response::text(
                404,
                "the paths are /, /metrics, /livez, /readyz and /admin/",
            ),
        }
    }

    fn stuck(&self) -> Option<Response> {
        let (shard, age) = self.health.stuck()?;
        let age = age.as_secs();
        let text = format!("shard {shard} is stuck: no turn for {age} s");
        Some(Response::text(503, &text))
    }

    fn measured(&self, format: Format) -> Response {
        let scrape = Scrape {
            is_serving: self.handle.is_ready(),
            shards: self.handle.shard_counters(),
            turn_ages: self.health.ages().collect(),
            log_lines_lost: self.log.as_ref().map_or(0, LogQueue::lost),
            backplane: Arc::clone(&self.backplane),
        };
        match encode(scrape) {
            Ok(text) => {
                let text = format.write(text).into_bytes();
                // RFC 9110 12.5.5: a cache must keep the two formats apart.
                Response::new(200, format.content_type(), text).with_header("Vary", "Accept")
            }
            Err(err) => Response::text(500, &err.to_string()),
        }
    }
}

fn refused(refusal: Refusal) -> Response {
    let (status, message) = refusal.answer();
    refusal.with_fields(Response::text(status, &message))
}
