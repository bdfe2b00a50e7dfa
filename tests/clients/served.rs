//! A server with one port as it is and one with TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use corecast::{Config, Listener, Namespaces, Relay, RelaySettings, Scope, TopicSettings};

use crate::support::server::{ANY, Running, builder};
use crate::support::tls::Authority;

/// The key of the publish API.
pub(crate) const KEY: &str = "a key";

/// The server, and the authority of its certificate.
pub(crate) struct Served {
    pub(crate) server: Running,
    authority: Authority,
}

/// One of its ports.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    addr: SocketAddr,
    /// The certificate to trust, where there is TLS.
    pub(crate) authority: Option<PathBuf>,
}

impl Served {
    pub(crate) fn start() -> Self {
        let authority = Authority::new("authority");
        authority.sign("host", "host", &["127.0.0.1", "localhost"]);
        let tls = Listener::http(ANY).tls(authority.settings("host"));
        let relay = Relay::new(RelaySettings::default().with_api_key(KEY));
        let present = TopicSettings {
            presence: true,
            ..TopicSettings::default()
        };
        let here = (Scope::Name("here".to_owned()), present);
        let namespaces = Namespaces::new(TopicSettings::default(), vec![here]);
        let config = Config {
            namespaces,
            ..Config::default()
        };
        let server = builder(2).config(config).listen(tls);
        let server = Running::with(server, move |_| relay.clone());
        Self { server, authority }
    }

    /// Both ports.
    pub(crate) fn places(&self) -> [Place; 2] {
        let [plain, tls] = self.server.http_addrs() else {
            panic!("two ports");
        };
        let place = |&addr, authority| Place { addr, authority };
        [
            place(plain, None),
            place(tls, Some(self.authority.path("ca.pem"))),
        ]
    }
}

impl Place {
    /// The URL of a path for a scheme, `http` or `ws`, to which an `s` is added for TLS.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        let s = if self.authority.is_some() { "s" } else { "" };
        format!("{scheme}{s}://{}{path}", self.addr)
    }
}
