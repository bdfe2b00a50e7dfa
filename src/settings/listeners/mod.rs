//! The settings of a listener.

pub(super) mod keys;

use crate::net::ListenAddr;
use crate::proto::centrifuge::Wire;
use crate::proto::{Framing, Role};
use crate::relay::LOBBY;
use crate::settings::Settings;
use crate::settings::keys::Key;
use crate::settings::listeners::keys::{LISTENER_KEYS, NO_ADDRESS};
use crate::settings::tables::Table;
use crate::settings::value::tls::Tls;
use crate::shard::{Balance, Listener, MODE};

/// The settings of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// A name for people; may be empty.
    pub name: String,
    /// The protocol of its connections.
    pub protocol: Protocol,
    /// Its address.
    pub address: ListenAddr,
    /// The permissions of its file, if it is a Unix-domain socket.
    pub unix_mode: u32,
    /// How its connections are spread over the shards, if it is a port.
    pub balance: Balance,
    /// How commands and replies are written, if the protocol has them.
    pub format: Wire,
    /// The topic of all its connections, if the protocol does not name one.
    pub topic: String,
    /// What its connections may do, if the path does not decide it.
    pub role: Role,
    /// How many of the newest messages its connections get first, if they do not ask themselves; 0:
    /// what the topic's settings say.
    pub last: u32,
    /// Whether all its messages are text, if the protocol has no kinds.
    pub text: bool,
    /// Whether each connection begins with a token, if the protocol is not HTTP.
    pub token: bool,
    /// Whether trusted proxies send a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Whether the kernel may hold a connection back until its client has sent something.
    pub defer_accept: bool,
    /// Its TLS settings.
    pub tls: Tls,
}

/// The protocol of a listener's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP and WebSocket.
    Http,
    /// TCP with a 4-byte length before each message.
    LengthPrefix,
    /// TCP with a line for each message.
    Line,
    /// TCP with a varint length before each message.
    Varint,
    /// TCP with commands of the structured protocol.
    Centrifuge,
}

impl Listen {
    pub(super) fn new(protocol: Protocol, address: impl Into<ListenAddr>) -> Self {
        Self {
            name: String::new(),
            protocol,
            address: address.into(),
            unix_mode: MODE,
            balance: Balance::default(),
            format: Wire::Json,
            topic: LOBBY.to_owned(),
            role: Role::default(),
            last: 0,
            text: false,
            token: false,
            proxy_protocol: false,
            defer_accept: true,
            tls: Tls::default(),
        }
    }

    pub(super) fn listener(&self) -> Listener {
        let address = self.address.clone();
        let listener = match (self.protocol.framing(), self.protocol) {
            (Some(framing), _) => Listener::tcp(address, self.topic.as_str())
                .framing(framing)
                .role(self.role)
                .last(self.last)
                .text(self.text)
                .credential(self.token),
            (None, Protocol::Centrifuge) => Listener::session(address, self.format),
            (None, _) => Listener::http(address),
        };
        let listener = listener
            .mode(self.unix_mode)
            .balance(self.balance)
            .proxy_protocol(self.proxy_protocol)
            .defer_accept(self.defer_accept);
        self.tls.around(listener)
    }

    /// The protocol's name in the log.
    pub(super) fn word(&self) -> &'static str {
        match (self.protocol, self.tls.is_on()) {
            (Protocol::Http, false) => "http",
            (Protocol::Http, true) => "https",
            (_, false) => "tcp",
            (_, true) => "tls",
        }
    }
}

impl Table for Listen {
    const NAME: &'static str = "listener";

    fn empty() -> Self {
        Self::new(Protocol::Http, NO_ADDRESS)
    }

    fn keys() -> &'static [Key<Self>] {
        LISTENER_KEYS
    }

    fn all(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.listeners
    }
}

impl Protocol {
    /// The framing of messages; `None` where clients say more than messages.
    pub(super) fn framing(self) -> Option<Framing> {
        match self {
            Self::Http | Self::Centrifuge => None,
            Self::LengthPrefix => Some(Framing::LengthPrefix),
            Self::Line => Some(Framing::Line),
            Self::Varint => Some(Framing::Varint),
        }
    }
}
