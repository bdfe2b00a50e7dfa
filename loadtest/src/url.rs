//! Targets: `ws://host:port/path` and `tcp://host:port` on loopback, with a topic filled in;
//! `wss://` and `tcps://` are the same over TLS. A path of the structured protocol is followed by
//! `#` and the topic.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::client::structured::Wire;

/// Where to connect and what to speak there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) protocol: Protocol,
    pub(crate) tls: bool,
    /// An address in 127.0.0.0/8, or `::1`.
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

impl Target {
    /// Reads a URL and puts `topic` in the place of `{topic}`.
    pub(crate) fn parse(url: &str, topic: &str) -> Result<Self, String> {
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
        let wire = wire_of(path);
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
        let addr = loopback(authority).map_err(|why| format!("{url}: {why}"))?;
        Ok(Self {
            protocol,
            tls,
            addr,
            path: path.replace(TOPIC_PLACE, topic),
            wire,
            channel: channel.replace(TOPIC_PLACE, topic),
        })
    }

    /// The same target for a publisher: `/sub/...` becomes `/pub/...`, and so does the topic of the
    /// structured protocol.
    pub(crate) fn for_publishing(&self) -> Self {
        let path = match (self.wire, self.path.strip_prefix("/sub/")) {
            (Some(_), _) => format!("/pub/{}", self.channel),
            (None, Some(topic)) => format!("/pub/{topic}"),
            (None, None) => self.path.clone(),
        };
        Self {
            path,
            wire: None,
            channel: String::new(),
            ..*self
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.tls { "s" } else { "" };
        let hash = if self.wire.is_some() { "#" } else { "" };
        match self.protocol {
            Protocol::WebSocket => {
                let Self {
                    addr,
                    path,
                    channel,
                    ..
                } = self;
                write!(f, "ws{s}://{addr}{path}{hash}{channel}")
            }
            Protocol::LengthPrefix => write!(f, "tcp{s}://{}", self.addr),
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

fn loopback(authority: &str) -> Result<SocketAddr, String> {
    let (host, port) = authority.rsplit_once(':').ok_or("the port is missing")?;
    let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let ip = match (bare, host) {
        (Some(v6), _) => v6.parse().map(IpAddr::V6),
        (None, "localhost") => "127.0.0.1".parse().map(IpAddr::V4),
        (None, v4) => v4.parse().map(IpAddr::V4),
    };
    let ip = ip.map_err(|_| format!("{host:?} is no address: 127.0.0.1, or [::1] for IPv6"))?;
    if !ip.is_loopback() {
        return Err(format!(
            "{ip} is neither in 127.0.0.0/8 nor [::1]; load goes to this host's loopback only"
        ));
    }
    Ok(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_with_their_topic_and_told_as_they_were() {
        for (url, told, publishing) in [
            (
                "ws://127.0.0.1:80/ws/{topic}",
                "ws://127.0.0.1:80/ws/t",
                "/ws/t",
            ),
            (
                "ws://localhost:80/sub/a",
                "ws://127.0.0.1:80/sub/a",
                "/pub/a",
            ),
            (
                "wss://127.0.0.1:80/sub/a",
                "wss://127.0.0.1:80/sub/a",
                "/pub/a",
            ),
            ("ws://[::1]:80/sub/a", "ws://[::1]:80/sub/a", "/pub/a"),
            ("tcp://127.0.0.1:80", "tcp://127.0.0.1:80", "/"),
            (
                "ws://127.0.0.1:80/connection/websocket?format=protobuf#a:{topic}",
                "ws://127.0.0.1:80/connection/websocket?format=protobuf#a:t",
                "/pub/a:t",
            ),
            ("tcps://127.0.0.1:80", "tcps://127.0.0.1:80", "/"),
        ] {
            let target = Target::parse(url, "t").unwrap();
            assert_eq!(target.to_string(), told);
            let has_tls = url.starts_with("wss") || url.starts_with("tcps");
            assert_eq!(target.tls, has_tls, "{url}");
            let publisher = target.for_publishing();
            assert_eq!(
                (publisher.path.as_str(), publisher.tls),
                (publishing, target.tls)
            );
        }
    }

    #[test]
    fn other_hosts_and_malformed_targets_are_refused() {
        for url in [
            "ws://10.0.0.1:80/",
            "ws://example.org:80/",
            "tcp://[::2]:80",
            "tcp://::1:80",
            "ws://[127.0.0.1]:80/",
            "tcp://0.0.0.0:1",
            "http://127.0.0.1:80/",
            "ws://127.0.0.1/",
            "ws://127.0.0.1:x/",
            "ws://127.0.0.1:1/a b",
            "tcp://127.0.0.1:1/topic",
            "ws://127.0.0.1:1/connection/websocket",
            "ws://127.0.0.1:1/sub/a#b",
        ] {
            assert!(Target::parse(url, "").is_err(), "{url}");
        }
    }
}
