//! Which pages may use the server: the `Origin` that a browser sends, RFC 6454 section 7.

use thiserror::Error;

use crate::error::debug_is_text;
use crate::proto::http::{HttpError, Request, Response, is_token};

/// The origins whose pages may use the server. By default only the server's own; who sends no
/// `Origin`, as all but browsers do, is not asked.
///
/// It protects the users of browsers from the pages of others, and nobody else: any program can
/// send any `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    /// That of the `Host` that was asked.
    Own,
    /// This one, in small letters.
    Exact(String),
    /// What begins and ends so, with one or more labels of a host between.
    Within {
        scheme: String,
        domain: String,
    },
}

/// A pattern that is none.
#[derive(Clone, Error, PartialEq, Eq)]
#[error(
    "{0:?} is no origin: write self, *, null, scheme://host, scheme://host:port or \
     scheme://*.domain, without a path"
)]
pub struct OriginError(String);

debug_is_text!(OriginError);

impl Default for Origins {
    fn default() -> Self {
        Self(vec![Pattern::Own])
    }
}

impl Origins {
    /// The origins that match one of `patterns`:
    ///
    /// | pattern | origins |
    /// |---|---|
    /// | `self` | the one that the request is sent to: host and port are those of its `Host` |
    /// | `https://example.com`, `http://localhost:3000` | this one |
    /// | `https://*.example.com` | those of all domains below, not `example.com` itself |
    /// | `null` | of files and of pages in a sandbox |
    /// | `*` | all |
    ///
    /// With `self`, whoever makes a name of their own lead to this server (DNS rebinding) is the
    /// server's own; a list of names alone keeps them out.
    ///
    /// # Errors
    ///
    /// The first that is no pattern.
    pub fn parse<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, OriginError> {
        let patterns = patterns.into_iter();
        let patterns = patterns.map(|pattern| Pattern::parse(pattern.as_ref()));
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// The patterns, as [`parse`](Self::parse) takes them, in small letters.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|pattern| match pattern {
            Pattern::Any => "*".to_owned(),
            Pattern::Own => "self".to_owned(),
            Pattern::Exact(origin) => origin.clone(),
            Pattern::Within { scheme, domain } => format!("{scheme}*{domain}"),
        })
    }

    /// Whether a request may come from where it says that it comes from; the origin that may read
    /// the answer, if it says so.
    ///
    /// # Errors
    ///
    /// [`HttpError::OriginForbidden`].
    pub(crate) fn admit<'b>(&self, request: &Request<'b>) -> Result<Option<&'b str>, HttpError> {
        let mut origins = request.headers("origin");
        let Some(origin) = origins.next() else {
            return Ok(None);
        };
        let origin = std::str::from_utf8(origin).map_err(|_| HttpError::OriginForbidden)?;
        let host = request.header("host");
        let host = host.and_then(|host| std::str::from_utf8(host).ok());
        let is_admitted = origins.next().is_none() && self.allows(origin, host.unwrap_or_default());
        is_admitted
            .then_some(Some(origin))
            .ok_or(HttpError::OriginForbidden)
    }

    fn allows(&self, origin: &str, host: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Own => is_own(&origin, host),
            Pattern::Exact(exact) => *exact == origin,
            Pattern::Within { scheme, domain } => {
                let labels = origin
                    .strip_prefix(scheme)
                    .and_then(|rest| rest.strip_suffix(domain));
                labels.is_some_and(is_host)
            }
        })
    }
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Self, OriginError> {
        let error = || OriginError(pattern.to_owned());
        let small = pattern.to_ascii_lowercase();
        match &*small {
            "*" => return Ok(Self::Any),
            "self" => return Ok(Self::Own),
            "null" => return Ok(Self::Exact(small)),
            _ => {}
        }
        let (scheme, authority) = small.split_once("://").ok_or_else(error)?;
        if !is_token(scheme.as_bytes()) || scheme.contains('*') {
            return Err(error());
        }
        let domain = authority.strip_prefix("*.");
        if !is_authority(domain.unwrap_or(authority)) {
            return Err(error());
        }
        Ok(match domain {
            Some(domain) => Self::Within {
                scheme: format!("{scheme}://"),
                domain: format!(".{domain}"),
            },
            None => Self::Exact(small),
        })
    }
}

/// What a browser is told that asks whether a page may send a request (Fetch standard, 3.3.2).
/// `None`: it does not ask that. The answer lets it send what it asked for: an origin that is
/// admitted may do all that others may.
pub(crate) fn preflight(request: &Request<'_>) -> Option<Preflight> {
    let method = request.header("access-control-request-method")?;
    if request.method != "OPTIONS" || request.header("origin").is_none() || !is_token(method) {
        return None;
    }
    let names = request
        .headers("access-control-request-headers")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| is_token(name));
    let names: Vec<_> = names.map(String::from_utf8_lossy).collect();
    Some(Preflight {
        method: String::from_utf8_lossy(method).into_owned(),
        fields: names.join(", "),
    })
}

/// What a page wants to send.
#[derive(Debug)]
pub(crate) struct Preflight {
    method: String,
    fields: String,
}

impl Preflight {
    /// The answer that allows it.
    pub(crate) fn grant(self) -> Response {
        let mut response = Response::empty()
            .with_header("Access-Control-Allow-Methods", self.method)
            .with_header("Access-Control-Max-Age", PREFLIGHT_SECONDS);
        if !self.fields.is_empty() {
            response = response.with_header("Access-Control-Allow-Headers", self.fields);
        }
        response
    }
}

/// Whether an origin in small letters is that of the server that a request with this `Host` was
/// sent to, by whatever scheme: who ends TLS in front of the server passes `Host` on.
fn is_own(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let host = host.to_ascii_lowercase();
    let plain = |authority: &str| -> String {
        let plain = authority.strip_suffix(default).unwrap_or(authority);
        plain.to_owned()
    };
    !authority.is_empty() && plain(authority) == plain(&host)
}

/// A host, perhaps with a port.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok());
    (is_address || is_host(host)) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_host(host: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !host.is_empty() && !host.starts_with('.') && host.bytes().all(is_letter)
}

/// How long a browser need not ask again.
const PREFLIGHT_SECONDS: &str = "600";

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;
