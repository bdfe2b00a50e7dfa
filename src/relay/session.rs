//! What the name of a topic says about its subscribers, over the structured protocol: as in
//! Centrifugo.

use serde_json::{Map, Value};

use crate::auth::{Principal, claim};
use crate::handler::{
    Connected, Failure, Query, Refusal, ServerSubscription, SessionStream, SubscribeCommand,
    Subscribed,
};
use crate::limits::TOPIC_BYTES_MAX;
use crate::proto::centrifuge::{EmulationRequest, ErrorCode, Wire};
use crate::proto::http::{Request, Response};
use crate::relay::RelayCx;

/// The methods of paths with requests of sessions.
pub(super) const ALLOWED: &str = "GET, POST, OPTIONS";

/// How a request has its session, if that can be: only for events are commands in a query.
pub(super) fn stream(stream: SessionStream, method: &str) -> Option<SessionStream> {
    let is_possible = method == "POST" || stream.is_events();
    is_possible.then_some(stream)
}

/// Passes the commands of a request on to its session, on whichever shard that is.
pub(super) fn pass_commands(
    cx: &mut RelayCx<'_>,
    request: &Request<'_>,
) -> Result<Response, Refusal> {
    let wire = Wire::of_body(request.header("content-type"));
    let Ok(EmulationRequest {
        node,
        session,
        data,
    }) = wire.emulation(request.body)
    else {
        return Ok(Response::text(400, "the body does not pass commands on"));
    };
    if cx.pass_commands(&node, &session, &data)? {
        Ok(Response::empty())
    } else {
        Ok(Response::text(404, "there is no such node"))
    }
}

/// What a name says about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Nothing: the rules decide.
    Ask,
    /// The client may subscribe, whatever the rules.
    Given,
    /// It may not.
    Denied,
}

/// Decides about a subscription: a token for it decides alone, then the name of the topic, and then
/// the rules.
pub(super) fn decide(
    cx: &mut RelayCx<'_>,
    subscribe: &SubscribeCommand<'_>,
) -> Result<Subscribed, Failure> {
    if is_asked(cx) && subscribe.grant.is_none() {
        let user = cx.principal().and_then(Principal::user);
        let access = match subscribe.pattern {
            // Topics that list users match none.
            Some(_) if !subscribe.channel.starts_with('$') => Access::Ask,
            _ => access(subscribe.channel, user),
        };
        match access {
            Access::Ask => {}
            Access::Given => return Ok(Subscribed::default()),
            Access::Denied => return Err(ErrorCode::PermissionDenied.into()),
        }
    }
    cx.decide_subscribe(subscribe)
}

fn is_asked(cx: &RelayCx<'_>) -> bool {
    cx.auth().is_some_and(|auth| !auth.is_insecure())
}

/// Whether the name of a topic lets a client read it, where the server asks for identity: one that
/// begins with `$` needs a token for the subscription, which only sessions have.
pub(super) fn may_read(cx: &RelayCx<'_>, channel: &str) -> bool {
    let user = cx.principal().and_then(Principal::user);
    !is_asked(cx) || access(channel, user) != Access::Denied
}

/// Decides about a question: users that a name does not list learn nothing of its topic.
pub(super) fn decide_query(
    cx: &mut RelayCx<'_>,
    query: Query,
    channel: &str,
) -> Result<(), Failure> {
    if !channel.starts_with('$') && !may_read(cx, channel) {
        return Err(ErrorCode::PermissionDenied.into());
    }
    cx.decide_query(query, channel)
}

/// What a client is subscribed to when it connects: the claims `channels` and `subs` of its token,
/// and the topic of its user, if there is one for each.
pub(super) fn connect(cx: &RelayCx<'_>, has_user_topic: bool) -> Connected {
    let mut connected = Connected::default();
    let Some(client) = cx.principal() else {
        return connected;
    };
    let user = client.user().filter(|_| has_user_topic);
    if let Some(user) = user.filter(|user| has_own_topic(user)) {
        let topic = ServerSubscription::new(format!("#{user}"));
        connected.subscriptions.push(topic);
    }
    let said = client.claims.get("subs").and_then(Value::as_object);
    let named = client.topics().map(|channel| {
        let mut subscription = ServerSubscription::new(channel);
        let said = said.and_then(|subs| subs.get(channel)?.as_object());
        if let Some(said) = said {
            subscription.subscribed.info = claim(said, "info", "b64info");
            subscription.subscribed.data = claim(said, "data", "b64data");
            subscription.recoverable = own(said, "force_recovery");
            subscription.positioned = own(said, "force_positioning");
            subscription.joins = own(said, "force_push_join_leave").unwrap_or_default();
        }
        subscription
    });
    connected.subscriptions.extend(named);
    connected
}

/// What a claim says in place of a setting of its topic.
fn own(said: &Map<String, Value>, setting: &str) -> Option<bool> {
    said.get("override")?.get(setting)?.get("value")?.as_bool()
}

/// Whether there can be a topic that is this user's alone: a comma is between users.
fn has_own_topic(user: &str) -> bool {
    user.len() < TOPIC_BYTES_MAX && !user.contains(',')
}

/// What a name says: one that begins with `$` is for tokens alone, and what follows a `#` are the
/// users that may subscribe.
fn access(channel: &str, user: Option<&str>) -> Access {
    if channel.starts_with('$') {
        return Access::Denied;
    }
    let Some((_, users)) = channel.split_once('#') else {
        return Access::Ask;
    };
    let mut users = users.split(',');
    match user.is_some_and(|user| users.any(|named| named == user)) {
        true => Access::Given,
        false => Access::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_lists_users_is_for_them_and_a_private_one_for_tokens() {
        for (channel, user, expected) in [
            ("news", None, Access::Ask),
            ("dialog#ann,bob", Some("bob"), Access::Given),
            ("dialog#ann,bob", Some("ann"), Access::Given),
            ("dialog#ann,bob", Some("ann,bob"), Access::Denied),
            ("dialog#ann,bob", Some("an"), Access::Denied),
            ("#ann", Some("ann"), Access::Given),
            ("#", None, Access::Denied),
            ("#", Some("ann"), Access::Denied),
            ("$news", Some("ann"), Access::Denied),
            ("$news#ann", Some("ann"), Access::Denied),
        ] {
            assert_eq!(access(channel, user), expected, "{channel} {user:?}");
        }
    }
}
