//! What a client gets first that subscribes, and whether it may ask for that; and the key of what
//! it publishes.

use crate::auth::Action;
use crate::denial::Denial;
use crate::handler::{Publish, Refusal};
use crate::limits::KEY_BYTES_MAX;
use crate::position::Since;
use crate::proto::http::{HttpError, Request, Response};
use crate::relay::RelayCx;
use crate::relay::connection::check_namespace;
use crate::relay::route::Named;

/// What a client gets first, as it asks for it. Earlier messages need the right to the topic's
/// history.
///
/// # Errors
///
/// It asks for nonsense, or for the newest messages without that right.
pub(super) fn asked(
    cx: &mut RelayCx<'_>,
    request: &Request<'_>,
    topic: &str,
    tells_gaps: bool,
) -> Result<Since, Refusal> {
    let since = request.since()?;
    match since {
        // Nothing that was published before.
        Since::Default | Since::Last(0) => {}
        Since::Last(_) => cx.require(Action::History, topic)?,
        // Without positions it could not know that something is missing.
        Since::Position(_) | Since::Offset(_) | Since::Foreign if !tells_gaps => {
            return Err(HttpError::SinceUntold.into());
        }
        // An `EventSource` asks for this whenever it comes back, and gives up when it is refused.
        Since::Position(_) | Since::Offset(_) | Since::Foreign => {
            if let Err(words) = cx.permit(Action::History, topic) {
                cx.deny(Denial::Forbidden, &words.to_string());
                return Ok(Since::Foreign);
            }
        }
    }
    Ok(since)
}

/// How a client publishes that names the key of its messages in the query.
///
/// # Errors
///
/// The key is empty or too long, or there are two.
pub(super) fn key(request: &Request<'_>) -> Result<Option<Publish<'static>>, HttpError> {
    let mut keys = request.params().filter(|(name, _)| name == "key");
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some((_, key)), None) if (1..=KEY_BYTES_MAX).contains(&key.len()) => {
            Ok(Some(Publish::new().key(&key)))
        }
        _ => Err(HttpError::Key),
    }
}

/// The answer to a HEAD that asks for events, if a GET would not get them.
pub(super) fn answer_to_head(
    cx: &mut RelayCx<'_>,
    request: &Request<'_>,
    named: Named<'_>,
) -> Option<Response> {
    let name = named.read().ok()?;
    let known = check_namespace(cx, &name);
    let permitted = known.and_then(|()| cx.require(Action::Subscribe, &name));
    match permitted.and_then(|()| asked(cx, request, &name, true)) {
        Err(Refusal::Respond(response)) => Some(response),
        Ok(_) | Err(Refusal::Wait(_)) => None,
    }
}
