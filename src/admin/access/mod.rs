//! Which requests the admin port carries out: those of operators, and none that a page of another
//! site has a browser make.

use core::net::{IpAddr, Ipv6Addr};
use std::fmt;
use std::time::Duration;

use crate::limits::{ADMIN_ATTEMPTS_AT_ONCE, ADMIN_ATTEMPTS_PER_SECOND};
use crate::proto::http::{Request, Response, is_own};
use crate::throttle::Throttle;
use crate::time::{Now, Rate};

/// What a request must show.
pub(super) struct Access {
    token: Option<String>,
    open_metrics: bool,
    /// Tokens that were wrong, by address.
    failures: Throttle,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a request is not carried out: its status, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token, or a wrong one.
    Token,
    /// Too many wrong tokens: try again then.
    Later(Duration),
    /// The page of another name has been made to point here.
    Host,
    /// A page of another origin.
    Origin,
    /// A body that is no JSON, as forms of any page can send it.
    NoJson,
}

impl Access {
    /// With this token; `open_metrics`: `/metrics` needs none.
    pub(super) fn new(token: Option<String>, open_metrics: bool) -> Self {
        Self {
            token,
            open_metrics,
            failures: Throttle::new(
                Rate {
                    per_second: ADMIN_ATTEMPTS_PER_SECOND,
                    burst: ADMIN_ATTEMPTS_AT_ONCE,
                },
                0,
            ),
        }
    }

    /// Whether `/metrics` may be read.
    ///
    /// # Errors
    ///
    /// It wants a token, which is missing or wrong.
    pub(super) fn check_metrics(
        &self,
        request: &Request<'_>,
        from: IpAddr,
        now: Now,
    ) -> Result<(), Refusal> {
        if self.open_metrics {
            return Ok(());
        }
        self.check_token(request, from, now)
    }

    /// Whether a request to the API is carried out; `changes`: it changes something.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub(super) fn check(
        &self,
        request: &Request<'_>,
        changes: bool,
        from: IpAddr,
        now: Now,
    ) -> Result<(), Refusal> {
        let text = |name| {
            let value = request.header(name).map(std::str::from_utf8);
            value.map(Result::unwrap_or_default)
        };
        let host = text("host");
        // A token is not sent by a browser on its own, so its name may be any.
        if self.token.is_none() && host.is_some_and(|host| !is_local(host)) {
            return Err(Refusal::Host);
        }
        // https://www.w3.org/TR/fetch-metadata/: a page of another site reads nothing, but could
        // have its visitors ask.
        let site = text("sec-fetch-site").unwrap_or("none");
        if !matches!(site, "none" | "same-origin") {
            return Err(Refusal::Origin);
        }
        self.check_token(request, from, now)?;
        if !changes {
            return Ok(());
        }
        let mut origins = request.headers("origin").map(std::str::from_utf8);
        let host = host.unwrap_or_default();
        if !origins.all(|origin| origin.is_ok_and(|origin| is_own(origin, host))) {
            return Err(Refusal::Origin);
        }
        // https://fetch.spec.whatwg.org/#cors-safelisted-request-header: a page of another origin
        // must ask before it sends this type, and is never permitted to.
        let media = text("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        let is_json = media.eq_ignore_ascii_case("application/json");
        is_json.then_some(()).ok_or(Refusal::NoJson)
    }

    fn check_token(&self, request: &Request<'_>, from: IpAddr, now: Now) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let client = network(from);
        self.failures.check(&client, now).map_err(Refusal::Later)?;
        let mut given = request.headers("authorization");
        let credential = given.next().and_then(bearer);
        let is_right = credential.is_some_and(|given| is_same(given, token.as_bytes()));
        if is_right && given.next().is_none() {
            return Ok(());
        }
        // A page that asks for the token first sends none.
        if credential.is_some() {
            self.failures.take(&client, now).map_err(Refusal::Later)?;
        }
        Err(Refusal::Token)
    }
}

impl Refusal {
    /// Status and text of the answer.
    pub(super) fn answer(self) -> (u16, String) {
        match self {
            Self::Token => (
                401,
                "send the token: Authorization: Bearer TOKEN (admin.token)".to_owned(),
            ),
            Self::Later(_) => (
                429,
                "too many wrong tokens from this address: try again later".to_owned(),
            ),
            Self::Host => (
                421,
                "without admin.token, the host must be an IP address or localhost".to_owned(),
            ),
            Self::Origin => (
                403,
                "the request is from a page of another origin".to_owned(),
            ),
            Self::NoJson => (415, "send Content-Type: application/json".to_owned()),
        }
    }

    /// The answer's own header fields.
    pub(super) fn with_fields(self, response: Response) -> Response {
        match self {
            Self::Token => response.with_header("WWW-Authenticate", "Bearer"),
            Self::Later(wait) => {
                let secs = wait.as_secs().max(1).to_string();
                response.with_header("Retry-After", secs)
            }
            _ => response,
        }
    }
}

/// RFC 6750 2.1; RFC 9110 11.1: the name of the scheme is in any case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer ");
    is_bearer.then_some(token.trim_ascii())
}

/// Compares in a time that tells nothing but the length.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let differs = given.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == token.len() && std::hint::black_box(differs) == 0
}

/// Whether a host, perhaps with a port, is no name that DNS could give another address: such a
/// page would be of the same origin as this port (DNS rebinding).
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    // RFC 6761 6.3: browsers resolve these names themselves.
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
}

/// A host has a whole /64 of addresses of IPv6 (RFC 4291 2.5.1).
fn network(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => addr,
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => IpAddr::V4(ip),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(ip) >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests;
