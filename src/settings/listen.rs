//! One place for clients to connect.

use crate::net::ListenAddr;
use crate::proto::{Framing, Role};
use crate::relay::LOBBY;
use crate::settings::value::tls::Tls;
use crate::shard::{Balance, Listener, MODE};

/// One place for clients to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For people; may be empty.
    pub name: String,
    /// What its connections speak.
    pub protocol: Protocol,
    /// Where it is.
    pub address: ListenAddr,
    /// Who may connect to it, if it is a path.
    pub unix_mode: u32,
    /// Which shard gets a connection, if it is a port.
    pub balance: Balance,
    /// The topic of all its connections, where the protocol names none.
    pub topic: String,
    /// What its connections are for, where the path does not say it.
    pub role: Role,
    /// Whether all its messages are text, where the protocol does not say.
    pub text: bool,
    /// Whether proxies say by the PROXY protocol whom they speak for.
    pub proxy_protocol: bool,
    /// Whether the kernel may keep a connection back until its client has spoken.
    pub defer_accept: bool,
    /// What it says of TLS.
    pub tls: Tls,
}

/// What the connections of a listener speak.
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
}

impl Listen {
    pub(super) fn new(protocol: Protocol, address: impl Into<ListenAddr>) -> Self {
        Self {
            name: String::new(),
            protocol,
            address: address.into(),
            unix_mode: MODE,
            balance: Balance::default(),
            topic: LOBBY.to_owned(),
            role: Role::default(),
            text: false,
            proxy_protocol: false,
            defer_accept: true,
            tls: Tls::default(),
        }
    }

    pub(super) fn listener(&self) -> Listener {
        let listener = match self.protocol.framing() {
            None => Listener::http(self.address.clone()),
            Some(framing) => Listener::tcp(self.address.clone(), self.topic.as_str())
                .framing(framing)
                .role(self.role)
                .text(self.text),
        };
        let listener = listener
            .mode(self.unix_mode)
            .balance(self.balance)
            .proxy_protocol(self.proxy_protocol)
            .defer_accept(self.defer_accept);
        self.tls.around(listener)
    }

    /// What it speaks, as the log says it.
    pub(super) fn word(&self) -> &'static str {
        match (self.protocol, self.tls.is_on()) {
            (Protocol::Http, false) => "http",
            (Protocol::Http, true) => "https",
            (_, false) => "tcp",
            (_, true) => "tls",
        }
    }
}

impl Protocol {
    /// Where messages end; `None` for HTTP, which has its own ways to say so, and to name topics
    /// and what is text.
    pub(super) fn framing(self) -> Option<Framing> {
        match self {
            Self::Http => None,
            Self::LengthPrefix => Some(Framing::LengthPrefix),
            Self::Line => Some(Framing::Line),
            Self::Varint => Some(Framing::Varint),
        }
    }
}
