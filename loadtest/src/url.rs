//! Targets: `ws://host:port/path` and `tcp://host:port`, with a topic filled in; `wss://` and
//! `tcps://` are the same over TLS. A path of the structured protocol is followed by `#` and the
//! topic.
//!
//! Hosts beside this one are targets only where a [`Permit`] names them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::client::structured::Wire;

/// Where to connect and what to speak there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) protocol: Protocol,
    pub(crate) tls: bool,
    /// The host as it was named, without brackets.
    pub(crate) host: String,
    pub(crate) addr: SocketAddr,
    /// Path of the upgrade request, `/` where none was given; unused by length-prefix.
    pub(crate) path: String,
    /// How the structured protocol is written, where it is spoken.
    pub(crate) wire: Option<Wire>,
    /// What is subscribed to in the structured protocol, whose path does not say it.
    pub(crate) channel: String,
}

/// How messages are framed on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// RFC 6455.
    #[default]
    WebSocket,
    /// A 4-byte big-endian length, then the message.
    LengthPrefix,
}

/// Which hosts may be loaded beside this one, in the words of URLs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Permit<'a>(pub(crate) &'a [String]);

/// The schemes of URLs, what is spoken there, and whether it is over TLS.
const SCHEMES: [(&str, Protocol, bool); 4] = [
    ("ws", Protocol::WebSocket, false),
    ("wss", Protocol::WebSocket, true),
    ("tcp", Protocol::LengthPrefix, false),
    ("tcps", Protocol::LengthPrefix, true),
];

/// Where the structured protocol is spoken.
const STRUCTURED_PATH: &str = "/connection/websocket";
/// Asks for its binary form.
const PROTOBUF: &str = "?format=protobuf";

/// Stands in a path for the number of a topic, where there are many.
pub(crate) const NUMBER_PLACE: &str = "{number}";
/// Stands in a URL for the topic of the run.
const TOPIC_PLACE: &str = "{topic}";

/// What a topic may have in a path as it is: RFC 3986 3.3, and the braces of [`NUMBER_PLACE`].
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'{')
    .remove(b'}');

impl Target {
    /// A URL of this host.
    #[cfg(test)]
    pub(crate) fn parse(url: &str, topic: &str) -> Result<Self, String> {
        Self::read(url, topic, Permit::default())
    }

    /// Reads a URL of this host, or of one that may be loaded, and puts `topic` in the place of
    /// `{topic}`.
    pub(crate) fn read(url: &str, topic: &str, permit: Permit<'_>) -> Result<Self, String> {
        let scheme = SCHEMES.iter().find_map(|&(scheme, protocol, tls)| {
            let rest = url.strip_prefix(scheme)?.strip_prefix("://")?;
            Some((protocol, tls, rest))
        });
        let Some((protocol, tls, rest)) = scheme else {
            let must = "must begin with ws://, wss://, tcp:// or tcps://";
            return Err(format!("{url}: {must}"));
        };
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let path = if path.is_empty() { "/" } else { path };
        let (path, channel) = path.split_once('#').unwrap_or((path, ""));
        let wire = wire_of(path);
        let path = path.replace(TOPIC_PLACE, topic);
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "{url}: the path has characters that need percent-encoding"
            ));
        }
        if protocol == Protocol::LengthPrefix && path != "/" {
            return Err(format!(
                "{url}: a tcp:// target has no path, its topic is the server's"
            ));
        }
        match (wire, channel) {
            (Some(_), "") => {
                return Err(format!(
                    "{url}: the structured protocol wants a topic behind #, as #{TOPIC_PLACE}"
                ));
            }
            (Some(_), _) | (None, "") => {}
            (None, _) => {
                return Err(format!(
                    "{url}: a topic behind # is for {STRUCTURED_PATH} alone"
                ));
            }
        }
        let found = permit.find(authority);
        let (host, addr) = found.map_err(|why| format!("{url}: {why}"))?;
        Ok(Self {
            protocol,
            tls,
            host,
            addr,
            path,
            wire,
            channel: channel.replace(TOPIC_PLACE, topic),
        })
    }

    /// The same target for a publisher: `/sub/...` becomes `/pub/...`, and so does the topic of the
    /// structured protocol.
    pub(crate) fn for_publishing(&self) -> Self {
        let path = match (self.wire, self.path.strip_prefix("/sub/")) {
            (Some(_), _) => format!("/pub/{}", utf8_percent_encode(&self.channel, IN_PATH)),
            (None, Some(topic)) => format!("/pub/{topic}"),
            (None, None) => self.path.clone(),
        };
        Self {
            path,
            wire: None,
            channel: String::new(),
            ..self.clone()
        }
    }

    /// Host and port, as in a URL and in the header Host.
    pub(crate) fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(_) => self.addr.to_string(),
            Err(_) => format!("{}:{}", self.host, self.addr.port()),
        }
    }

    pub(crate) fn is_remote(&self) -> bool {
        !self.addr.ip().is_loopback()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.tls { "s" } else { "" };
        let hash = if self.wire.is_some() { "#" } else { "" };
        match self.protocol {
            Protocol::WebSocket => {
                let Self { path, channel, .. } = self;
                write!(f, "ws{s}://{}{path}{hash}{channel}", self.authority())
            }
            Protocol::LengthPrefix => write!(f, "tcp{s}://{}", self.authority()),
        }
    }
}

/// How the structured protocol is written on this path, if it is spoken there.
fn wire_of(path: &str) -> Option<Wire> {
    match path.strip_prefix(STRUCTURED_PATH)? {
        "" => Some(Wire::Json),
        PROTOBUF => Some(Wire::Protobuf),
        _ => None,
    }
}

impl Permit<'_> {
    /// The host of `host:port` and its address. A name is looked up only if it may be loaded.
    fn find(self, authority: &str) -> Result<(String, SocketAddr), String> {
        let (host, port) = authority.rsplit_once(':').ok_or("the port is missing")?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port"))?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let ip = match (bare, host) {
            (Some(v6), _) => {
                let ip = v6.parse().map(IpAddr::V6);
                Some(ip.map_err(|_| format!("{v6:?} is no IPv6 address"))?)
            }
            (None, "localhost") => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            (None, host) => host.parse().map(IpAddr::V4).ok(),
        };
        if let Some(ip) = ip.filter(IpAddr::is_loopback) {
            return Ok((ip.to_string(), SocketAddr::new(ip, port)));
        }
        let host = bare.unwrap_or(host);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if ip.is_none() && (host.is_empty() || !host.bytes().all(is_name)) {
            return Err(format!(
                "{host:?} is no host: 127.0.0.1, example.org, or [::1] for IPv6"
            ));
        }
        if ip.is_some_and(|ip| ip.is_unspecified() || ip.is_multicast()) {
            return Err(format!("{host} is no address of a single host"));
        }
        if !self.0.iter().any(|other| other.eq_ignore_ascii_case(host)) {
            return Err(format!(
                "{host} is not this host, and loading a server without permission of its owner is \
                 an attack; if you have it, add --i-may-load {host}"
            ));
        }
        let addr = match ip {
            Some(ip) => Some(SocketAddr::new(ip, port)),
            None => (host, port)
                .to_socket_addrs()
                .map_err(|error| format!("{host}: {error}"))?
                .next(),
        };
        let addr = addr.ok_or_else(|| format!("{host} has no address"))?;
        Ok((host.to_owned(), addr))
    }
}

#[cfg(test)]
mod tests;
