//! The address of a server, and the addresses of its topics.

use crate::cli::Failure;

/// The address of a server, below which its topics are.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Base {
    kind: Kind,
    is_tls: bool,
    /// Host, port and the path before those of the server, without a slash at its end.
    place: String,
    query: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Web,
    Tcp,
}

/// What a client does with the topic of a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Role {
    Subscribe,
    Publish,
}

impl Base {
    /// Reads an address as users write it.
    pub(in crate::cli) fn parse(url: &str) -> Result<Self, Failure> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (kind, is_tls) = match &*scheme.to_ascii_lowercase() {
            "ws" | "http" => (Kind::Web, false),
            "wss" | "https" => (Kind::Web, true),
            "tcp" => (Kind::Tcp, false),
            "tcps" => (Kind::Tcp, true),
            _ => {
                return Err(Failure::usage(format!(
                    "--url {url}: write ws://HOST:PORT or tcp://HOST:PORT, with TLS wss:// or \
                     tcps://"
                )));
            }
        };
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query.to_owned())),
            None => (rest, None),
        };
        Ok(Self {
            kind,
            is_tls,
            place: place.trim_end_matches('/').to_owned(),
            query,
        })
    }

    /// Whether it is that of a TCP listener, which has one topic.
    pub(in crate::cli) fn is_tcp(&self) -> bool {
        self.kind == Kind::Tcp
    }

    /// The address at which one topic is; `key` is that of its messages.
    pub(in crate::cli) fn topic(
        &self,
        role: Role,
        topic: &str,
        key: Option<&str>,
    ) -> Result<String, Failure> {
        if self.is_tcp() {
            return match (topic, key) {
                ("-", None) => Ok(format!("tcp{}://{}", self.s(), self.place)),
                ("-", Some(_)) => Err(Failure::usage("--key needs ws://, wss:// or --api-key")),
                _ => Err(Failure::usage(format!(
                    "over TCP the listener decides the topic: write - in place of {topic}"
                ))),
            };
        }
        let role = match role {
            Role::Subscribe => "sub",
            Role::Publish => "pub",
        };
        let key = key.map(|key| format!("key={}", encode(key)));
        Ok(self.at("ws", &format!("{role}/{}", encode(topic)), key))
    }

    /// The address of the structured protocol.
    pub(in crate::cli) fn session(&self) -> Result<String, Failure> {
        if self.is_tcp() {
            return Err(Failure::usage(
                "the structured protocol needs ws:// or wss:// here; over TCP there is one topic",
            ));
        }
        Ok(self.at("ws", "connection/websocket", None))
    }

    /// The address of a method of the publish API.
    #[cfg(feature = "auth")]
    pub(in crate::cli) fn api(&self, method: &str) -> Result<String, Failure> {
        if self.is_tcp() {
            return Err(Failure::usage(
                "the publish API is on the HTTP port: write http:// or https://",
            ));
        }
        Ok(self.at("http", &format!("api/{method}"), None))
    }

    fn s(&self) -> &'static str {
        if self.is_tls { "s" } else { "" }
    }

    fn at(&self, scheme: &str, path: &str, more: Option<String>) -> String {
        let query: Vec<&str> = [self.query.as_deref(), more.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let (s, place, query) = (self.s(), &self.place, query.join("&"));
        format!("{scheme}{s}://{place}/{path}{mark}{query}")
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 2.3.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(url: &str, topic: &str) -> String {
        let base = Base::parse(url).unwrap();
        base.topic(Role::Subscribe, topic, None).unwrap()
    }

    #[test]
    fn a_topic_is_below_the_address() {
        assert_eq!(topic("ws://a:1", "b"), "ws://a:1/sub/b");
        assert_eq!(topic("WSS://a/", "b c/d"), "wss://a/sub/b%20c%2Fd");
        assert_eq!(topic("http://a/x/", "\u{e4}+"), "ws://a/x/sub/%C3%A4%2B");
        assert_eq!(topic("https://a?t=1", "b"), "wss://a/sub/b?t=1");
        assert_eq!(topic("tcps://a:1/", "-"), "tcps://a:1");
        let base = Base::parse("ws://a?t=1").unwrap();
        let keyed = base.topic(Role::Publish, "b", Some("k&")).unwrap();
        assert_eq!(keyed, "ws://a/pub/b?t=1&key=k%26");
        assert_eq!(base.session().unwrap(), "ws://a/connection/websocket?t=1");
    }

    #[test]
    fn what_cannot_be_says_what_to_write() {
        let wrong = Base::parse("localhost:8080").unwrap_err().to_string();
        assert!(wrong.contains("write ws://HOST:PORT"), "{wrong}");
        let tcp = Base::parse("tcp://a:1").unwrap();
        let wrong = tcp.topic(Role::Subscribe, "news", None).unwrap_err();
        assert!(wrong.to_string().contains("write - in place of news"));
        assert!(tcp.topic(Role::Publish, "-", Some("k")).is_err());
        assert!(tcp.session().is_err());
    }
}
