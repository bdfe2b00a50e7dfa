//! Where a client puts its credential.

use std::borrow::Cow;
use std::fmt;

use crate::auth::Credential;
use crate::denial::Denial;
use crate::proto::http::Request;

/// Where clients may put a credential beside `Authorization`, `X-API-Key` and
/// `Sec-WebSocket-Protocol`; empty: nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Places {
    /// The name of a cookie with a token.
    pub cookie: String,
    /// The name of a parameter of the query with a token.
    pub query: String,
}

/// A credential as it was found.
#[derive(PartialEq, Eq)]
pub(crate) enum Found<'b> {
    Token(Cow<'b, str>),
    Key(&'b [u8]),
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.credential().fmt(f)
    }
}

impl<'b> Found<'b> {
    /// The credential that is the first frame of a TCP connection: a token alone, or what would be
    /// the value of the field `Authorization`.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub(crate) fn in_frame(frame: &'b [u8]) -> Result<Self, Denial> {
        let frame = frame.trim_ascii();
        if frame.contains(&b' ') {
            return authorization(frame).unwrap_or(Err(Denial::Malformed));
        }
        let token = std::str::from_utf8(frame).map_err(|_| Denial::Malformed)?;
        Ok(Self::Token(token.into()))
    }

    pub(crate) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Token(token) => Credential::Token(token),
            Self::Key(key) => Credential::Key(key),
        }
    }
}

impl Places {
    /// With the name of a cookie and of a parameter; empty for none.
    pub fn new(cookie: impl Into<String>, query: impl Into<String>) -> Self {
        Self {
            cookie: cookie.into(),
            query: query.into(),
        }
    }

    /// The credential of a request. A cookie counts only if there is no other: browsers send it
    /// without being asked. `may_have_cookies`: the page that asks may use the user's cookies.
    ///
    /// # Errors
    ///
    /// There are several, or a cookie of a page that may not have it.
    pub(crate) fn find<'b>(
        &self,
        request: &Request<'b>,
        may_have_cookies: impl FnOnce() -> bool,
    ) -> Result<Option<Found<'b>>, Denial> {
        let keys = request.headers("x-api-key").map(Found::Key).map(Ok);
        let fields = request.headers("authorization").filter_map(authorization);
        let bearers = bearers(request).map(|token| Ok(Found::Token(token.into())));
        let params = request.params().filter(|(name, _)| *name == self.query);
        let params = params.map(|(_, token)| Ok(Found::Token(token)));
        let params = params.filter(|_| !self.query.is_empty());
        let mut all = keys.chain(fields).chain(bearers).chain(params);
        match (all.next().transpose()?, all.next()) {
            (Some(found), None) => Ok(Some(found)),
            (Some(_), Some(_)) => Err(Denial::Repeated),
            (None, _) => self.cookie(request, may_have_cookies),
        }
    }

    fn cookie<'b>(
        &self,
        request: &Request<'b>,
        may_have_cookies: impl FnOnce() -> bool,
    ) -> Result<Option<Found<'b>>, Denial> {
        // RFC 6265 section 5.4: pairs with `; ` between.
        let pairs = request
            .headers("cookie")
            .flat_map(|value| value.split(|byte| *byte == b';'));
        let mut tokens = pairs.filter_map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            let (name, token) = text.trim().split_once('=')?;
            (!self.cookie.is_empty() && name == self.cookie).then_some(token)
        });
        let Some(token) = tokens.next() else {
            return Ok(None);
        };
        if tokens.next().is_some() {
            return Err(Denial::Repeated);
        }
        if !may_have_cookies() {
            return Err(Denial::CookieOrigin);
        }
        Ok(Some(Found::Token(token.into())))
    }
}

/// A token or a key of the field `Authorization`; other schemes are for proxies.
fn authorization(value: &[u8]) -> Option<Result<Found<'_>, Denial>> {
    let mut words = value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let scheme = words.next().unwrap_or_default();
    let is_token = scheme.eq_ignore_ascii_case(b"bearer");
    if !is_token && !scheme.eq_ignore_ascii_case(b"apikey") {
        return None;
    }
    Some(match (words.next(), words.next()) {
        (Some(word), None) if is_token => match std::str::from_utf8(word) {
            Ok(token) => Ok(Found::Token(token.into())),
            Err(_) => Err(Denial::Malformed),
        },
        (Some(word), None) => Ok(Found::Key(word)),
        _ if is_token => Err(Denial::Malformed),
        _ => Err(Denial::ApiKey),
    })
}

/// The tokens among the offered subprotocols, as `bearer.TOKEN`: a page can set no field but this.
fn bearers<'b>(request: &Request<'b>) -> impl Iterator<Item = &'b str> + use<'b> {
    subprotocols(request).filter_map(|name| name.strip_prefix(BEARER))
}

fn subprotocols<'b>(request: &Request<'b>) -> impl Iterator<Item = &'b str> + use<'b> {
    let values = request.headers("sec-websocket-protocol");
    let names = values.flat_map(|value| value.split(|byte| *byte == b','));
    names.filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok())
}

/// What stands before a token among the subprotocols. A token is never sent back.
pub(crate) const BEARER: &str = "bearer.";
/// What stands before the credential of a first frame at most.
pub(crate) const SCHEME_BYTES_MAX: usize = "apikey ".len();

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
