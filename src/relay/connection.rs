//! Connections of the relay: what their paths or listeners are for.

use std::sync::Arc;

use crate::auth::{Action, Forbidden};
use crate::close_reason::CloseReason;
use crate::denial::Denial;
use crate::handler::{Halt, Message, Publish, Refusal};
use crate::position::Since;
use crate::proto::Role;
use crate::proto::http::Response;
use crate::relay::{RelayCx, session};
use crate::topic::Topic;

/// The purpose of a connection of [`Relay`](crate::Relay).
#[derive(Clone, Debug)]
pub struct Connection(pub(super) Purpose);

#[derive(Clone, Debug)]
pub(super) enum Purpose {
    Publish(Topic),
    /// The same with the key that its client has named.
    PublishKeyed(Arc<(Topic, Publish<'static>)>),
    /// Receives messages; it must not publish because of this rule.
    Listen(&'static ListenRule),
    /// Receives messages; it is not permitted to publish.
    Denied(Box<Forbidden>),
    Echo,
    /// Its client says by commands what it wants.
    Session,
}

// Each idle connection has one.
const _: () = assert!(size_of::<Option<Connection>>() <= 16);

/// What a client is told that publishes where connections only receive.
#[derive(Debug)]
pub(super) struct ListenRule(&'static str);

impl Connection {
    pub(super) fn take_message(
        &self,
        cx: &mut RelayCx<'_>,
        Message { kind, payload }: Message<'_>,
    ) -> Result<(), Halt> {
        match &self.0 {
            Purpose::Publish(topic) => cx.publish(topic, kind, payload)?,
            Purpose::PublishKeyed(keyed) => {
                let (topic, with) = &**keyed;
                cx.publish_with(topic, kind, payload, with.again())?;
            }
            Purpose::Echo => cx.reply(kind, payload)?,
            Purpose::Session => {}
            Purpose::Listen(rule) => return Err(CloseReason::Policy(rule.0).into()),
            Purpose::Denied(words) => {
                cx.deny(Denial::Forbidden, &words.to_string());
                return Err(Denial::Forbidden.close_reason().into());
            }
        }
        Ok(())
    }
}

/// Opens a connection with one topic. What it may do is asked here, once: it publishes to no other
/// topic.
pub(super) fn open(
    cx: &mut RelayCx<'_>,
    topic: &Topic,
    role: Role,
    since: Since,
    key: Option<Publish<'static>>,
    receives: &'static ListenRule,
) -> Result<Connection, Refusal> {
    check_namespace(cx, topic.name())?;
    if role == Role::Publish {
        cx.require(Action::Publish, topic.name())?;
    } else {
        cx.require(Action::Subscribe, topic.name())?;
        if !session::may_read(cx, topic.name()) {
            return Err(cx.refuse(Denial::Forbidden, OTHERS).into());
        }
        cx.subscribe_since(topic, since)?;
    }
    let publishes = || match key {
        Some(key) => Purpose::PublishKeyed(Arc::new((topic.clone(), key))),
        None => Purpose::Publish(topic.clone()),
    };
    Ok(Connection(match role {
        Role::Subscribe => Purpose::Listen(receives),
        Role::Publish => publishes(),
        Role::Both => match cx.permit(Action::Publish, topic.name()) {
            Ok(()) => publishes(),
            Err(words) => Purpose::Denied(Box::new(words)),
        },
    }))
}

/// Refuses a topic whose namespace must be configured and is not.
pub(super) fn check_namespace(cx: &RelayCx<'_>, topic: &str) -> Result<(), Refusal> {
    match cx.is_unknown(topic, false) {
        true => Err(Response::text(404, UNKNOWN).into()),
        false => Ok(()),
    }
}

/// Why a topic is not there.
const UNKNOWN: &str = "no such namespace; what is before the first : of a topic's name must be one \
                       of the configuration's (topics.require_namespace)";

/// Why a name is denied whatever the rules say.
const OTHERS: &str = "the name of the topic is for other users, or for tokens of subscriptions";

pub(super) static PATH_RECEIVES: ListenRule =
    ListenRule("this path only receives; publish on /pub or /ws");
pub(super) static ROLE_RECEIVES: ListenRule =
    ListenRule("connections of this listener only receive (its role is subscribe)");
