//! Opening: from an upgrade, a request for events or an accept on the TCP port to a connection that
//! the handler has accepted, with its greeting; or to an answer.

use std::sync::Arc;

use crate::auth::Principal;
use crate::auth::places::BEARER;
use crate::close_reason::CloseReason;
use crate::denial::Denial;
use crate::handler::{Handler, Opening, Refusal};
use crate::id::ConnKey;
use crate::limits::WORK_OF_OPENING;
use crate::proto::Frames;
use crate::proto::http::{Reader, Request};
use crate::proto::positions;
use crate::proto::ws::handshake::Upgrade;
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::conn::arrival::Arrival;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{ACCEPTED, PeerInfo};
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    /// Asks the handler about a connection to the TCP port.
    pub(in crate::shard::core) fn open_tcp(&mut self, key: ConnKey, mut arrival: Arrival) {
        let conn = self.shard.conns.live(key);
        let frames = conn.and_then(|conn| conn.protocol.frames());
        let credential = arrival.credential.as_deref();
        let opening = match arrival.topic.as_ref().zip(frames) {
            Some((topic, frames)) => Opening::Tcp {
                topic,
                role: frames.role,
                since: frames.since(),
                credential: credential.filter(|_| self.shard.auth.is_none()),
            },
            None => Opening::TcpSession,
        };
        let shard = &mut self.shard;
        let principal = arrival.principal.take();
        shard.callback.begin(arrival.peer_info.clone(), principal);
        let mut cx = Cx { shard, key };
        let was_known = cx.principal().is_some();
        let identified = match frames {
            Some(_) => cx.identify_frame(credential),
            // Its token comes with its first command.
            None => Ok(()),
        };
        let identified = identified.and_then(|()| cx.count_opening(was_known));
        let (opened, principal) = self.ask_to_open(key, &opening, identified);
        match opened {
            Ok(data) => {
                let greeting = frames.map_or(&[][..], Frames::greeting);
                self.greet(key, data, None, |out| out.extend_from_slice(greeting));
            }
            Err(Refusal::Respond(response)) => {
                self.shard.conns.discard_outbox(key);
                self.shard.close(key, CloseReason::Refused(response.status));
            }
            Err(Refusal::Wait(busy)) => {
                arrival.principal = principal;
                if arrival.principal.is_some() {
                    arrival.credential = None;
                }
                if let Some(conn) = self.shard.conns.live(key) {
                    conn.input.get_or_insert_default().arrival = Some(arrival);
                }
                self.shard.pause(key, busy);
                self.shard.arm(key);
            }
        }
        // Now that it is open: a room may have an answer for it.
        self.settle_homes();
    }

    /// Asks the handler about a request that opens a connection.
    pub(in crate::shard::core) fn ask_to_open_by(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        opening: &Opening<'_>,
        peer_info: Option<Arc<PeerInfo>>,
    ) -> Result<H::Conn, Refusal> {
        let http = self.shard.conns.http(key);
        let principal = http.and_then(|http| http.principal.take());
        let was_known = principal.is_some();
        self.shard.callback.begin(peer_info, principal);
        let identified = self.identify(key, request).and_then(|()| {
            let shard = &mut self.shard;
            Cx { shard, key }.count_opening(was_known)
        });
        let (opened, principal) = self.ask_to_open(key, opening, identified);
        if let Some(http) = self.shard.conns.http(key) {
            http.principal = principal;
        }
        opened
    }

    /// Asks the handler about a connection whose client is identified. Returns its identity as well
    /// if it waits.
    fn ask_to_open(
        &mut self,
        key: ConnKey,
        opening: &Opening<'_>,
        identified: Result<(), Refusal>,
    ) -> (Result<H::Conn, Refusal>, Option<Box<Principal>>) {
        let shard = &mut self.shard;
        let opened = identified.and_then(|()| {
            let mut cx = Cx { shard, key };
            cx.take_client()?;
            self.handler.on_open(&mut cx, opening)
        });
        let principal = self.shard.callback.end();
        let waits = matches!(opened, Err(Refusal::Wait(_)));
        let (waiting, accepted) = if waits {
            (principal, None)
        } else {
            (None, principal.filter(|_| opened.is_ok()))
        };
        self.shard.callback.accepted = accepted;
        // What it has sent or subscribed to goes behind the greeting.
        self.shard.cork_unopened(key, waits);
        // Topics at home here are live before the greeting, and it need not wait.
        self.tell_rooms();
        if !waits {
            self.shard.questions.forget(key);
        }
        (opened, waiting)
    }

    /// The handler has accepted a connection: it is told so, once its subscriptions are live and
    /// its user's home counts it. `page`: may read the answer.
    pub(in crate::shard::core) fn greet(
        &mut self,
        key: ConnKey,
        data: H::Conn,
        page: Option<Reader<'_>>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.shard.env.work.charge(WORK_OF_OPENING);
        // What the handler sent while it opened goes behind the greeting.
        let sent = self
            .shard
            .conns
            .live(key)
            .and_then(|conn| conn.outbox.take());
        self.shard.reply(key, |out| {
            write(out);
            let sent = sent.iter().flat_map(|sent| sent.slices());
            sent.for_each(|slice| out.extend_from_slice(slice));
        });
        let stamp = self.shard.env.now.stamp();
        let Some(conn) = self.shard.conns.live(key) else {
            return;
        };
        conn.data = Some(data);
        conn.heard = stamp;
        conn.set(ACCEPTED, true);
        let client = self.shard.callback.accepted.take();
        let connects_later = conn.protocol.session().is_some();
        if connects_later {
            self.shard
                .end_session_after(key, self.shard.env.config.handshake_timeout);
        } else if !self.shard.enter_user(key, page, client) {
            return self.shard.refuse_accepted(key, page, Denial::UserLimit);
        }
        let Some(conn) = self.shard.conns.live(key) else {
            return;
        };
        let is_live = conn.waiting == 0;
        conn.move_to(if is_live { State::Open } else { State::Corked });
        if !is_live {
            self.shard
                .conns
                .pause_for(&mut self.shard.env, key, Pause::Corked);
            let Shard {
                pubsub, conns, env, ..
            } = &mut self.shard;
            pubsub.set_detached(conns, key, true);
            if let Some(page) = page {
                pubsub.keep_page(conns, env, key, page);
            }
            pubsub.ask_to_join_all(conns, env, key);
        }
        self.shard.arm(key);
    }
}

/// The subprotocol of an upgrade.
#[derive(Debug, Default)]
pub(crate) enum Subprotocol {
    /// The first that was offered and has no meaning here, as a token does.
    #[default]
    First,
    /// That with positions.
    Positions,
    /// None of them.
    None,
    /// This one, if it was offered.
    Named(String),
}

impl Subprotocol {
    pub(crate) fn among<'b>(&self, upgrade: &Upgrade<'b>) -> Option<&'b str> {
        match self {
            Self::First => {
                let has_meaning =
                    |name: &str| name.starts_with(BEARER) || name == positions::SUBPROTOCOL;
                upgrade.protocols().find(|name| !has_meaning(name))
            }
            Self::Positions => Some(positions::SUBPROTOCOL),
            Self::None => None,
            Self::Named(name) => upgrade.protocols().find(|offered| offered == name),
        }
    }
}
