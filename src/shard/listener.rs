//! What to listen on, and what is spoken there.

use core::net::SocketAddr;
use std::io;
use std::sync::Arc;

use socket2::Socket;

use crate::net::listener;
use crate::proto::{Frames, Framing};
use crate::tls::{Keys, Reloader, TlsError, TlsSettings};

/// A place to listen on, as the starter describes it to the shards.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where; once it is bound, with the port that it has got.
    pub addr: SocketAddr,
    /// What its connections speak.
    pub speaks: Speaks,
    /// What it asks of TLS, if its connections speak it around that.
    pub tls: Option<TlsSettings>,
    /// What is loaded for that, and its place among all that is.
    pub keys: Option<(usize, Keys)>,
    /// Whether those of trusted proxies begin with a header of the PROXY protocol.
    pub proxied: bool,
}

/// What the connections of a listener speak.
#[derive(Clone, Debug)]
pub enum Speaks {
    /// HTTP requests, upgrades to WebSocket among them.
    Http,
    /// Frames on one topic.
    Frames {
        /// The topic that all its connections belong to.
        topic: Arc<str>,
        /// How their bytes become messages.
        frames: Frames,
    },
}

impl Listener {
    /// Listens for HTTP and WebSocket. Port 0 takes a free one.
    pub fn http(addr: SocketAddr) -> Self {
        Self::new(addr, Speaks::Http)
    }

    /// Listens for TCP connections that belong to `topic`: length-prefixed, unless
    /// [`framing`](Self::framing) says otherwise.
    pub fn tcp(addr: SocketAddr, topic: impl Into<String>) -> Self {
        let topic = Arc::from(topic.into());
        let frames = Frames::default();
        Self::new(addr, Speaks::Frames { topic, frames })
    }

    fn new(addr: SocketAddr, speaks: Speaks) -> Self {
        Self {
            addr,
            speaks,
            tls: None,
            keys: None,
            proxied: false,
        }
    }

    /// Its connections speak TLS, and inside that what they would speak without.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Where one message ends and the next begins; of no meaning for HTTP.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        if let Speaks::Frames { frames, .. } = &mut self.speaks {
            frames.framing = framing;
        }
        self
    }

    /// Whether every message is text, and one that is not UTF-8 closes the connection. Otherwise
    /// a line is text if it is UTF-8, and everything else is binary. Of no meaning for HTTP.
    #[must_use]
    pub fn text(mut self, text: bool) -> Self {
        if let Speaks::Frames { frames, .. } = &mut self.speaks {
            frames.text = text;
        }
        self
    }

    /// Whether a connection from one of [`Config::trusted_proxies`] must begin with a header of the
    /// PROXY protocol, version 1 or 2, which says whom it is for. From elsewhere there must be
    /// none. It goes before everything else, TLS included.
    ///
    /// [`Config::trusted_proxies`]: crate::Config::trusted_proxies
    #[must_use]
    pub fn proxy_protocol(mut self, proxied: bool) -> Self {
        self.proxied = proxied;
        self
    }

    /// How the bytes of its connections become messages; `None`: they are HTTP.
    pub(super) fn frames(&self) -> Option<Frames> {
        match self.speaks {
            Speaks::Http => None,
            Speaks::Frames { frames, .. } => Some(frames),
        }
    }

    /// Whether its connections speak HTTP.
    pub fn speaks_http(&self) -> bool {
        matches!(self.speaks, Speaks::Http)
    }
}

/// Loads what the listeners that speak TLS ask for; gives it to each, and returns who can load it
/// again.
///
/// # Errors
///
/// A file cannot be read, or does not hold what it should.
pub fn load_keys(listen: &mut [Listener]) -> Result<Reloader, TlsError> {
    let asks = listen.iter().filter_map(|listener| {
        let protocols: &[&[u8]] = if listener.speaks_http() {
            &[b"http/1.1"]
        } else {
            &[]
        };
        Some((listener.tls.clone()?, protocols))
    });
    let reloader = Reloader::new(asks.collect())?;
    let secured = listen.iter_mut().filter(|listener| listener.tls.is_some());
    for (listener, keys) in secured.zip(reloader.keys().iter().cloned().enumerate()) {
        listener.keys = Some(keys);
    }
    Ok(reloader)
}

/// Claims the address of each listener; where the port was 0, the one that it has become. Keep the sockets
/// until the shards listen.
///
/// # Errors
///
/// An address that cannot be bound, or that was given twice.
pub fn claim(asked: &[Listener]) -> io::Result<(Vec<Socket>, Vec<Listener>)> {
    let mut claims = Vec::new();
    let mut listen: Vec<Listener> = Vec::new();
    for listener in asked {
        let (claim, addr) = listener::bind_probe(listener.addr)
            .map_err(|err| io::Error::new(err.kind(), format!("cannot listen on {err}")))?;
        if listen.iter().any(|other| other.addr == addr) {
            let twice = format!("cannot listen on {addr} twice");
            return Err(io::Error::new(io::ErrorKind::AddrInUse, twice));
        }
        claims.push(claim);
        let listener = listener.clone();
        listen.push(Listener { addr, ..listener });
    }
    Ok((claims, listen))
}
