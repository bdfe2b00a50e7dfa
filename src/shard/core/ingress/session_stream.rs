//! Sessions over HTTP: the server sends on a stream, and the client by requests of their own.

use crate::handler::{Handler, Opening, Refusal, SessionStream};
use crate::id::{ConnId, ConnKey};
use crate::limits::EVENTS_RETRY;
use crate::payload::{Form, Structured};
use crate::proto::centrifuge::Wire;
use crate::proto::http::{Request, Response};
use crate::proto::sse;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::session::Session;
use crate::shard::core::ingress::Progress;
use crate::shard::core::ingress::protocol::Protocol;

/// What of a query has the first commands, where the request has no body.
const COMMANDS: &str = "cf_connect";

impl<H: Handler> ShardCore<H> {
    /// Answers a request for a session with the head of a stream, and carries out the commands that
    /// came with it.
    pub(super) fn open_session_stream(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        stream: SessionStream,
        taken: usize,
    ) -> Progress {
        let commands = match self.first_commands(request, stream) {
            Ok(commands) => commands,
            Err(response) => return self.respond(key, request, &response),
        };
        // RFC 9112 6.1: a client of HTTP/1.0 does not know chunks.
        let is_chunked = request.version_minor != 0;
        let (carrier, content_type) = if stream.is_events() {
            (Structured::events(is_chunked), sse::CONTENT_TYPE)
        } else {
            let asked = Wire::of_body(request.header("content-type"));
            let wire = if stream.is_one_way() {
                Wire::Json
            } else {
                asked
            };
            (Structured::stream(wire, is_chunked), wire.content_type())
        };
        let carrier = if stream.is_one_way() {
            carrier.bare()
        } else {
            carrier
        };
        let head = sse::Head {
            content_type,
            is_chunked,
            reader: self.shard.reader(request),
            date: self.shard.env.date,
        };
        if let Some(conn) = self.shard.conns.live(key) {
            // It may be a member of a topic before this returns.
            conn.form = Form::Centrifuge(carrier);
        }
        let from = self
            .shard
            .conns
            .client_of(&mut self.shard.env, key, request)
            .unwrap_or_default();
        match self.ask_to_open_by(key, request, &Opening::Session(request), from.clone()) {
            Ok(data) => {
                if let Some(conn) = self.shard.conns.live(key) {
                    let session = Session::streamed(carrier, from);
                    conn.protocol = Protocol::Session(Box::new(session));
                }
                let id = self.shard.conns.id(key);
                self.greet(key, data, head.reader, |out| {
                    sse::encode_head(out, &head);
                    if stream.is_events() {
                        let delay = sse::spread(EVENTS_RETRY, id.generation);
                        sse::encode_opening(out, is_chunked, delay);
                    }
                });
                self.shard.receive_commands(id, &commands);
                self.opened(key, taken)
            }
            Err(Refusal::Respond(response)) => {
                self.shard.conns.discard_outbox(key);
                self.respond(key, request, &response)
            }
            Err(Refusal::Wait(busy)) => self.wait_with_request(key, busy, 0),
        }
    }

    /// The commands that come with a request for a session.
    fn first_commands(
        &self,
        request: &Request<'_>,
        stream: SessionStream,
    ) -> Result<Vec<u8>, Response> {
        let is_posted = request.method == "POST";
        let mut params = request.params();
        let commands = if is_posted {
            Some(request.body.to_vec())
        } else {
            let named = params.find(|(name, _)| name == COMMANDS);
            named.map(|(_, commands)| commands.into_owned().into_bytes())
        };
        // One that has no token need say nothing.
        let nothing = stream.is_one_way().then(|| b"{}".to_vec());
        let commands = commands.or(nothing).unwrap_or_default();
        if commands.is_empty() {
            let words = match is_posted {
                true => "there is no command",
                false => "the query has no cf_connect with a command",
            };
            return Err(Response::text(400, words));
        }
        if self.shard.env.config.message_bytes_max < commands.len() {
            let words = "the commands are longer than a message may be";
            return Err(Response::text(413, words));
        }
        Ok(commands)
    }

    /// Carries out commands that requests have brought for a session.
    pub(super) fn take_received(&mut self, id: ConnId) -> Option<Progress> {
        let session = self.shard.conns.current(id)?.protocol.session_mut()?;
        let commands = session.stream.as_mut()?.take()?;
        let kind = session.wire().kind();
        Some(self.offer(id.key, kind, &commands, 0))
    }
}
