//! Patterns of origins: what an operator lists.

use thiserror::Error;

use crate::error::debug_is_text;

/// A pattern of origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
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
    /// What begins so and goes on with the number of a port, or not at all: this without its
    /// colon.
    AnyPort(String),
    /// What begins so.
    AnyOf(String),
}

/// A pattern that is none.
#[derive(Clone, Error, PartialEq, Eq)]
#[error(
    "{0:?} is no origin: write self, *, null, scheme://host, scheme://host:port, \
     scheme://*.domain, scheme://host:* or scheme://*, without a slash at the end"
)]
pub struct OriginError(pub(crate) String);

debug_is_text!(OriginError);

impl Pattern {
    /// As [`parse`](Self::parse) takes it, in small letters.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Own => "self".to_owned(),
            Self::Exact(origin) => origin.clone(),
            Self::Within { scheme, domain } => format!("{scheme}*{domain}"),
            Self::AnyPort(host) => format!("{host}:*"),
            Self::AnyOf(scheme) => format!("{scheme}*"),
        }
    }

    /// Whether it is that of an origin in small letters, asked by a request with this `Host`.
    pub(super) fn admits(&self, origin: &str, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Own => is_own(origin, host),
            Self::Exact(exact) => exact == origin,
            Self::Within { scheme, domain } => {
                let labels = origin
                    .strip_prefix(scheme)
                    .and_then(|rest| rest.strip_suffix(domain));
                labels.is_some_and(is_host)
            }
            Self::AnyPort(host) => match origin.strip_prefix(host) {
                Some("") => true,
                Some(rest) => rest.strip_prefix(':').is_some_and(is_port),
                None => false,
            },
            Self::AnyOf(scheme) => origin.len() > scheme.len() && origin.starts_with(scheme),
        }
    }

    /// Whether [`Reader::credentials`](super::Reader) are for what it admits.
    pub(super) fn gives_credentials(&self) -> bool {
        // Both of these are the origin of any file, by whatever sends it.
        matches!(self, Self::Exact(origin) if origin != NULL && !origin.starts_with(FILE))
    }

    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// It is none.
    pub(super) fn parse(pattern: &str) -> Result<Self, OriginError> {
        let error = || OriginError(pattern.to_owned());
        let small = pattern.to_ascii_lowercase();
        match &*small {
            "*" => return Ok(Self::Any),
            "self" => return Ok(Self::Own),
            NULL => return Ok(Self::Exact(small)),
            _ => {}
        }
        let (scheme, rest) = small.split_once("://").ok_or_else(error)?;
        if !is_scheme(scheme) {
            return Err(error());
        }
        let start = format!("{scheme}://");
        if rest == "*" {
            return Ok(Self::AnyOf(start));
        }
        if let Some(domain) = rest.strip_prefix("*.").filter(|rest| is_authority(rest)) {
            let domain = format!(".{domain}");
            return Ok(Self::Within {
                scheme: start,
                domain,
            });
        }
        if let Some(host) = rest.strip_suffix(":*").filter(|rest| is_host_alone(rest)) {
            return Ok(Self::AnyPort(start + host));
        }
        let is_fine = if is_web(scheme) {
            // No browser sends a path, but programs do, and then this one is meant.
            let (authority, path) = rest.split_once('/').unwrap_or((rest, "path"));
            is_authority(authority) && !path.is_empty() && is_opaque(path)
        } else {
            is_opaque(rest)
        };
        is_fine.then_some(Self::Exact(small)).ok_or_else(error)
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
    is_host_alone(host) && port.is_none_or(is_port)
}

/// A name, or an address of IPv6 in brackets.
fn is_host_alone(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
        None => is_host(host),
    }
}

fn is_host(host: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !host.is_empty() && !host.starts_with('.') && host.bytes().all(is_letter)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// RFC 3986 3.1.
fn is_scheme(scheme: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_letter)
}

/// Whether the origins of a scheme are those of the web: a host and a port (RFC 6454 4).
fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss")
}

/// What may stand in a field and in a list, and is no pattern; perhaps nothing.
fn is_opaque(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_graphic() && !b"*,\"'".contains(&byte);
    text.bytes().all(is_fine)
}

/// What browsers send for files and sandboxes, RFC 6454 6.2.
const NULL: &str = "null";
/// How origins begin that some WebViews send for files.
const FILE: &str = "file:";
