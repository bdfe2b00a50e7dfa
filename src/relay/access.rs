//! The client of a request to the publish API: its key opens it, and no token does.

use crate::auth::places::Found;
use crate::auth::{Action, Auth, Places, Principal};
use crate::denial::Denial;
use crate::proto::http::Request;
use crate::relay::RelayCx;
use crate::relay::settings::RelaySettings;
use crate::topic::patterns::TopicPattern;

/// The client of a request to the API.
#[derive(Debug)]
pub(super) enum Publisher {
    /// May publish to every topic, and manage every user.
    Any,
    /// May do what the rules allow.
    Known(Principal),
}

impl Publisher {
    /// The client with the key of a request; `None`: no key opens the API.
    ///
    /// # Errors
    ///
    /// The key is missing or wrong.
    pub(super) fn of(
        cx: &RelayCx<'_>,
        settings: &RelaySettings,
        request: &Request<'_>,
    ) -> Option<Result<Self, Denial>> {
        let is_insecure = cx.auth().is_some_and(Auth::is_insecure);
        let keys = cx.auth().filter(|auth| auth.has_api_keys());
        if settings.api_key.is_none() && keys.is_none() && !is_insecure {
            return None;
        }
        let found = match Places::default().find(request, || false) {
            Ok(found) => found,
            Err(denial) => return Some(Err(denial)),
        };
        let mut in_query = request.params().filter(|(name, _)| name == "api_key");
        let key = in_query.next().map(|(_, key)| key);
        if key.is_some() && (found.is_some() || in_query.next().is_some()) {
            return Some(Err(Denial::Repeated));
        }
        let key = key.as_deref().map(|key| Found::Key(key.as_bytes()));
        Some(match key.or(found) {
            None if is_insecure => Ok(Self::Any),
            None => Err(Denial::Missing),
            Some(Found::Token(_)) => Err(Denial::ApiKey),
            Some(Found::Key(key)) => match (&settings.api_key, keys) {
                (Some(own), _) if own.is(key) => Ok(Self::Any),
                (_, Some(auth)) => auth.find_api_key(key).map(Self::Known),
                _ => Err(Denial::ApiKey),
            },
        })
    }

    /// Whether it may do this with a topic, or manage a user; subscribe others to a pattern only if
    /// it may to each topic that matches. A denial is counted and logged if it `is_new`, and not
    /// again when the request is repeated.
    pub(super) fn may(
        &self,
        cx: &mut RelayCx<'_>,
        action: Action,
        name: &str,
        is_new: bool,
    ) -> bool {
        let is_pattern = action == Action::Subscribe && TopicPattern::parse(name).is_ok();
        let permitted = match (self, cx.auth()) {
            (Self::Known(client), Some(auth)) if is_pattern => auth.permit_pattern(client, name),
            (Self::Known(client), Some(auth)) => auth.permit(client, action, name),
            _ => Ok(()),
        };
        if let Err(words) = &permitted
            && is_new
        {
            cx.deny(Denial::Forbidden, &words.to_string());
        }
        permitted.is_ok()
    }
}
