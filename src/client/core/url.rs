//! The address of a server as users write it.

use thiserror::Error;

/// The host and port to connect to, and the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    /// Whether to use TLS.
    pub(crate) tls: bool,
    /// A name, or an IP address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of `Host`: as written, without a default port.
    pub(crate) authority: String,
    /// Path and query; begins with `/`.
    pub(crate) target: String,
}

/// The protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    WebSocket,
    LengthPrefix,
}

/// The error of an invalid address.
#[derive(Clone, Copy, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It begins with none of `ws://`, `wss://`, `tcp://` and `tcps://`.
    #[error("write ws://host:port/path or tcp://host:port; with TLS it is wss:// or tcps://")]
    Scheme,
    /// TLS is not available: the cargo feature `tls` is off.
    #[error("wss:// and tcps:// need TLS: build corecast with its feature `tls`")]
    Tls,
    /// The host is missing or malformed.
    #[error("the host must be a name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// There is a user name or password before the host.
    #[error("no name or password in the address; send a header such as Authorization")]
    UserInfo,
    /// The port is missing although there is no default, or it is not 1 to 65535.
    #[error("the port must be 1 to 65535; tcp:// and tcps:// have no default")]
    Port,
    /// The path has a character that must be percent-encoded, or `tcp://` has a path.
    #[error("the path must be printable ASCII, percent-encoded otherwise; tcp:// has none")]
    Path,
    /// RFC 6455 3: "fragment identifiers ... MUST NOT be used".
    #[error("the address must not contain #; write %23")]
    Fragment,
}

impl Address {
    /// Reads an address: RFC 6455 section 3, and `tcp://host:port` with the same `s` for TLS.
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        Self::parse_for(url, cfg!(feature = "tls"))
    }

    /// Reads an address for a client with or without TLS.
    fn parse_for(url: &str, speaks_tls: bool) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        let (scheme, tls) = match () {
            () if is("ws") => (Scheme::WebSocket, false),
            () if is("wss") => (Scheme::WebSocket, true),
            () if is("tcp") => (Scheme::LengthPrefix, false),
            () if is("tcps") => (Scheme::LengthPrefix, true),
            () => return Err(UrlError::Scheme),
        };
        if tls && !speaks_tls {
            return Err(UrlError::Tls);
        }
        // RFC 6455 section 3.
        let usual = if tls { PORT_HTTPS } else { PORT_HTTP };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let port = match (port, scheme) {
            (Some(port), _) => {
                // `parse` alone would accept a sign as well.
                let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
                let port = is_number.then(|| port.parse().ok()).flatten();
                port.ok_or(UrlError::Port)?
            }
            (None, Scheme::WebSocket) => usual,
            (None, Scheme::LengthPrefix) => return Err(UrlError::Port),
        };
        if port == 0 {
            return Err(UrlError::Port);
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic())
            || scheme == Scheme::LengthPrefix && !matches!(target, "" | "/")
        {
            return Err(UrlError::Path);
        }
        let authority = if port == usual {
            host.to_owned()
        } else {
            format!("{host}:{port}")
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            target: format!("{slash}{target}"),
        })
    }
}

/// The host, with its brackets if it has them, and the port.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(address) = authority.strip_prefix('[') {
        let (inside, rest) = address.split_once(']').ok_or(UrlError::Host)?;
        if inside.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(UrlError::Host);
        }
        let host = &authority[..inside.len() + 2];
        return match (rest, rest.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            _ => Err(UrlError::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    // Every name that the resolver accepts is allowed, but no character that could end the head of
    // a request.
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_fine) {
        return Err(UrlError::Host);
    }
    Ok((host, port))
}

const PORT_HTTP: u16 = 80;
const PORT_HTTPS: u16 = 443;

#[cfg(test)]
mod tests {
    use super::{Address, Scheme, UrlError};

    fn check(url: &str, host: &str, port: u16, authority: &str, target: &str) {
        let expected = Address {
            scheme: if url.starts_with("tcp") {
                Scheme::LengthPrefix
            } else {
                Scheme::WebSocket
            },
            tls: url.starts_with("wss") || url.starts_with("tcps"),
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            target: target.to_owned(),
        };
        assert_eq!(Address::parse_for(url, true), Ok(expected), "{url}");
    }

    #[test]
    fn an_address_has_a_host_a_port_and_a_path() {
        check("ws://a.example", "a.example", 80, "a.example", "/");
        check("WS://a:80/", "a", 80, "a", "/");
        check("ws://a:8080/ws/x?y=1", "a", 8080, "a:8080", "/ws/x?y=1");
        check("ws://127.0.0.1:1?q", "127.0.0.1", 1, "127.0.0.1:1", "/?q");
        check("ws://[::1]:9/x", "::1", 9, "[::1]:9", "/x");
        check("ws://[::1]/x", "::1", 80, "[::1]", "/x");
        check(
            "tcp://localhost:9000",
            "localhost",
            9000,
            "localhost:9000",
            "/",
        );
    }

    #[test]
    fn with_tls_the_usual_port_is_another() {
        check("wss://a.example/x", "a.example", 443, "a.example", "/x");
        check("wss://a:80", "a", 80, "a:80", "/");
        check("ws://a:443", "a", 443, "a:443", "/");
        check("tcps://[::1]:9", "::1", 9, "[::1]:9", "/");
        assert_eq!(Address::parse_for("tcps://a", true), Err(UrlError::Port));
    }

    #[test]
    fn where_tls_is_left_out_it_is_said() {
        for url in ["wss://a", "tcps://a:1", "WSS://a"] {
            assert_eq!(Address::parse_for(url, false), Err(UrlError::Tls), "{url}");
        }
        assert!(Address::parse_for("ws://a", false).is_ok());
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        for (url, err) in [
            ("", UrlError::Scheme),
            ("a:80", UrlError::Scheme),
            ("http://a", UrlError::Scheme),
            ("wssx://a", UrlError::Scheme),
            ("ws://", UrlError::Host),
            ("ws://:80", UrlError::Host),
            ("ws://[::1", UrlError::Host),
            ("ws://[::1]80", UrlError::Host),
            ("ws://[a]:80", UrlError::Host),
            ("ws://a b/", UrlError::Host),
            ("ws://a\r\nX: y/", UrlError::Host),
            ("ws://u:p@a/", UrlError::UserInfo),
            ("ws://a:/", UrlError::Port),
            ("ws://a:0/", UrlError::Port),
            ("ws://a:65536/", UrlError::Port),
            ("ws://a:8:9/", UrlError::Port),
            ("tcp://a", UrlError::Port),
            ("tcp://a:1/x", UrlError::Path),
            ("ws://a/ x", UrlError::Path),
            ("ws://a/é", UrlError::Path),
            ("ws://a/\r\n", UrlError::Path),
            ("ws://a/#x", UrlError::Fragment),
        ] {
            assert_eq!(Address::parse(url), Err(err), "{url}");
        }
    }
}
