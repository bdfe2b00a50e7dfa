//! Asks for the identity of each client, and whether it may do what it asks for.

use crate::auth::{Action, Auth, Credential, Principal};
use crate::denial::Denial;
use crate::handler::{Opening, Refusal};
use crate::limits::KEYS_ANSWER_TIMEOUT;
use crate::proto::http::{Request, Response};
use crate::relay::Connection;
use crate::relay::credential::{Found, Places, real_subprotocol};
use crate::relay::settings::RelaySettings;
use crate::shard::core::app::cx::Cx;

/// What decides about clients; without `auth`, all may do everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    auth: Option<Auth>,
    places: Places,
}

/// A client, or any if none is asked for its identity.
#[derive(Debug)]
pub(super) struct Client(Option<Principal>);

impl Client {
    fn known(principal: Principal) -> Self {
        Self(Some(principal))
    }
}

impl Access {
    pub(super) fn new(settings: &RelaySettings) -> Self {
        Self {
            auth: settings.auth.clone(),
            places: settings.places.clone(),
        }
    }

    /// The client that opens a connection.
    ///
    /// # Errors
    ///
    /// It is denied, or its token waits for the keys to be fetched.
    pub(super) fn identify(
        &mut self,
        cx: &mut Cx<'_, Connection>,
        opening: &Opening<'_>,
    ) -> Result<Client, Refusal> {
        if let Opening::WebSocket(request) = opening
            && let Some(real) = real_subprotocol(request)
        {
            cx.choose_subprotocol(real);
        }
        if self.auth.is_none() {
            return Ok(Client(None));
        }
        let request = match opening {
            Opening::Tcp { credential, .. } => {
                let found = match credential.map(std::str::from_utf8).transpose() {
                    Ok(token) => token.map(str::trim).map(Credential::Token),
                    Err(_) => return Err(deny(cx, Denial::Malformed, "").into()),
                };
                return self.check(cx, found).map(Client::known);
            }
            Opening::WebSocket(request) | Opening::Events(request) => request,
        };
        let found = match self.find(cx, request) {
            Ok(found) => found,
            Err(denial) => return Err(deny(cx, denial, "").into()),
        };
        let found = found.as_ref().map(Found::credential);
        self.check(cx, found).map(Client::known)
    }

    fn find<'b>(
        &self,
        cx: &Cx<'_, Connection>,
        request: &Request<'b>,
    ) -> Result<Option<Found<'b>>, Denial> {
        self.places.find(request, || cx.may_send_cookies(request))
    }

    fn check(
        &mut self,
        cx: &mut Cx<'_, Connection>,
        credential: Option<Credential<'_>>,
    ) -> Result<Principal, Refusal> {
        let Some(auth) = &mut self.auth else {
            return Ok(Principal::default());
        };
        let certificate = cx.identity().map(|subject| common_name(subject).to_owned());
        let now = cx.time_of_day();
        let identified = auth.identify(credential, certificate.as_deref(), now);
        cx.charge(credential.map_or(0, |credential| auth.take_work(credential)));
        let denial = match identified {
            Ok(client) => {
                if let Some(time) = auth.lifetime(&client, now) {
                    cx.close_after(time);
                }
                return Ok(client);
            }
            Err(denial) => denial,
        };
        // Once for each connection: the answer to the question is that the fetch is over.
        if cx.answer().is_none() && auth.may_fetch(denial) {
            let (question, wait) = cx.defer(KEYS_ANSWER_TIMEOUT);
            if auth.fetch(move || question.answer(())) {
                return Err(wait.into());
            }
        }
        Err(deny(cx, denial, "").into())
    }

    /// Permits a client to do something with a topic, or says for the log why it may not.
    pub(super) fn permit(
        &self,
        client: &Client,
        action: Action,
        topic: &str,
    ) -> Result<(), String> {
        let (Some(auth), Some(principal)) = (&self.auth, &client.0) else {
            return Ok(());
        };
        let verdict = auth.decide(principal, action, topic);
        if verdict.is_allowed {
            return Ok(());
        }
        let (identity, word, by) = (&principal.identity, action.word(), verdict.by);
        Err(format!("{identity} may not {word} {topic:?} by {by}"))
    }

    /// Requires that a client may do something with a topic.
    ///
    /// # Errors
    ///
    /// The answer to a client that may not.
    pub(super) fn require(
        &self,
        cx: &mut Cx<'_, Connection>,
        client: &Client,
        action: Action,
        topic: &str,
    ) -> Result<(), Response> {
        let permitted = self.permit(client, action, topic);
        permitted.map_err(|words| deny(cx, Denial::Forbidden, &words))
    }

    /// The client of the publish API; `None`: there is no key that opens it.
    ///
    /// # Errors
    ///
    /// Its key is missing or wrong.
    pub(super) fn identify_publisher(
        &self,
        settings: &RelaySettings,
        request: &Request<'_>,
    ) -> Option<Result<Client, Denial>> {
        let auth = self.auth.as_ref();
        let is_insecure = auth.is_some_and(Auth::is_insecure);
        let keys = auth.filter(|auth| auth.has_api_keys());
        if settings.api_key.is_none() && keys.is_none() && !is_insecure {
            return None;
        }
        let found = match Places::default().find(request, || false) {
            Ok(found) => found,
            Err(denial) => return Some(Err(denial)),
        };
        Some(match found {
            None if is_insecure => Ok(Client(None)),
            None => Err(Denial::Missing),
            Some(Found::Token(_)) => Err(Denial::ApiKey),
            Some(Found::Key(key)) => match (&settings.api_key, keys) {
                (Some(own), _) if own.is(key) => Ok(Client(None)),
                (_, Some(auth)) => auth.find_api_key(key).map(|client| Client(Some(client))),
                _ => Err(Denial::ApiKey),
            },
        })
    }
}

/// Counts and logs a denial; returns its answer. `words`, if there are any, say more to the log.
pub(super) fn deny(cx: &mut Cx<'_, Connection>, denial: Denial, words: &str) -> Response {
    cx.deny(denial, words);
    let response = Response::text(denial.status(), &denial.to_string());
    match denial {
        Denial::Forbidden | Denial::CookieOrigin | Denial::NoKeys => response,
        // RFC 6750 section 3.1: no error code for a request without a credential.
        Denial::Missing => response.with_header("WWW-Authenticate", "Bearer, apikey"),
        Denial::ApiKey => response.with_header("WWW-Authenticate", "apikey"),
        Denial::Repeated => {
            response.with_header("WWW-Authenticate", "Bearer error=\"invalid_request\"")
        }
        _ => {
            let challenge =
                format!("Bearer error=\"invalid_token\", error_description=\"{denial}\"");
            response.with_header("WWW-Authenticate", challenge)
        }
    }
}

/// The common name of a subject (RFC 4514), or the alternative name that stands for one, or all of
/// it if there is none that can be read without unescaping.
fn common_name(subject: &str) -> &str {
    if subject.contains('\\') {
        return subject;
    }
    let parts = subject.split([',', '+']).map(str::trim_start);
    let of = |kind: &&str| parts.clone().find_map(|part| part.strip_prefix(kind));
    let name = ["CN=", "URI=", "DNS=", "EMAIL="].iter().find_map(of);
    name.filter(|name| !name.is_empty()).unwrap_or(subject)
}

#[cfg(test)]
mod tests {
    use super::common_name;

    #[test]
    fn a_certificate_is_called_by_its_common_name() {
        for (subject, name) in [
            ("CN=device-7,O=Example", "device-7"),
            ("O=Example,CN=device-7", "device-7"),
            ("O=Example", "O=Example"),
            ("CN=", "CN="),
            ("O=a\\,CN=root,CN=device", "O=a\\,CN=root,CN=device"),
            ("URI=spiffe://a/device-7", "spiffe://a/device-7"),
            ("DNS=device-7.example.com", "device-7.example.com"),
            ("EMAIL=ann@example.com", "ann@example.com"),
            ("URI=spiffe://a\\,CN=root", "URI=spiffe://a\\,CN=root"),
        ] {
            assert_eq!(common_name(subject), name, "{subject}");
        }
    }
}
