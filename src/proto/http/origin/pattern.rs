//! Patterns of origins, as operators list them.

use thiserror::Error;

use crate::error::debug_is_text;

/// A pattern of origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Any,
    /// The origin of the request's `Host`.
    Own,
    /// Exactly this origin, in lower case.
    Exact(String),
    /// Origins with this beginning and end, and one or more labels of a host between.
    Within {
        scheme: String,
        domain: String,
    },
    /// Origins with this beginning, without its colon, or followed by a colon and a port number.
    AnyPort(String),
    /// Origins with this beginning.
    AnyOf(String),
}

/// The text is not a pattern.
#[derive(Clone, Error, PartialEq, Eq)]
#[error(
    "{0:?} is not an origin: write self, *, null, scheme://host, scheme://host:port, \
     scheme://*.domain, scheme://host:* or scheme://*, without a slash at the end"
)]
pub struct OriginError(pub(crate) String);

debug_is_text!(OriginError);

impl Pattern {
    /// The pattern as [`parse`](Self::parse) takes it, in lower case.
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

    /// Whether it matches an origin in lower case, for a request with this `Host`.
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

    /// Whether matching origins may send credentials; see [`Reader::credentials`](super::Reader).
    pub(super) fn gives_credentials(&self) -> bool {
        // Both are the origin of any local file, depending on the browser.
        matches!(self, Self::Exact(origin) if origin != NULL && !origin.starts_with(FILE))
    }

    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// The text is not a pattern.
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
            // Browsers send no path, but some programs do; then the text must match exactly.
            let (authority, path) = rest.split_once('/').unwrap_or((rest, "path"));
            is_authority(authority) && !path.is_empty() && is_opaque(path)
        } else {
            is_opaque(rest)
        };
        is_fine.then_some(Self::Exact(small)).ok_or_else(error)
    }
}

/// Whether an origin in lower case is the server's own, for a request with this `Host`. The scheme
/// does not matter: a proxy that ends TLS forwards `Host`.
pub(crate) fn is_own(origin: &str, host: &str) -> bool {
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

/// Whether it is a name, or an IPv6 address in brackets.
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

/// Whether the origins of a scheme have a host and a port, as on the web (RFC 6454 4).
fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss")
}

/// Whether a text, perhaps empty, can be in a field and in a list, and is not a pattern.
fn is_opaque(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_graphic() && !b"*,\"'".contains(&byte);
    text.bytes().all(is_fine)
}

/// The origin that browsers send for files and sandboxes, RFC 6454 6.2.
const NULL: &str = "null";
/// The beginning of the origins that some WebViews send for files.
const FILE: &str = "file:";
