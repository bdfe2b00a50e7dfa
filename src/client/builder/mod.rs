//! The description of a client to create.

mod check;
mod positions;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mio::{Poll, Waker};

use crate::client::Client;
use crate::client::core::Core;
use crate::client::core::settings::Settings;
use crate::client::core::token::{MALFORMED, MakeError, MalformedToken, Token, TokenSource};
use crate::client::core::url::{Address, Scheme, UrlError};
use crate::client::dialer::Dialer;
use crate::client::entropy;
use crate::client::error::BuildError;
use crate::client::sender::{Rules, queue};
use crate::client::shell::{Shell, WAKER};
use crate::limits::TCP_USER_TIMEOUT;
use crate::proto::positions::SUBPROTOCOL;
use crate::proto::ws::deflate::Compression;
use crate::proto::ws::dial::Offer;
use crate::time::Now;
use crate::tls::{DialKeys, DialSettings};

/// The description of a client; see [`Client::builder`].
///
/// Its debug output has no URL, header fields or token, which may be secrets.
#[derive(Clone)]
pub struct ClientBuilder {
    address: Address,
    protocols: Vec<String>,
    keeps_positions: bool,
    headers: Vec<(String, String)>,
    compression: Option<Compression>,
    tls: DialSettings,
    token: Option<Result<TokenSource, MalformedToken>>,
    settings: Settings,
}

impl ClientBuilder {
    pub(crate) fn new(url: &str) -> Result<Self, UrlError> {
        Ok(Self {
            address: Address::parse(url)?,
            protocols: Vec::new(),
            keeps_positions: false,
            headers: Vec::new(),
            compression: None,
            tls: DialSettings::default(),
            token: None,
            settings: Settings::new(None),
        })
    }

    /// Connects with this token, at each attempt: in `Authorization: Bearer` of the WebSocket
    /// request, or as the first frame over TCP, for a listener with `token = true`.
    ///
    /// A server that answers 401 or 403 ends the client, as the same token would be refused again.
    /// If tokens expire, use [`token_with`](Self::token_with).
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token::parse(token.into()).map(TokenSource::Fixed));
        self
    }

    /// Connects with tokens that `make` makes, a new one for each attempt.
    ///
    /// It is called inside the client's calls while there is no connection, and they wait for it;
    /// its time does not count as that of the attempt. If it fails, the attempt ends with
    /// [`Reason::Token`], and the next one asks it again.
    ///
    /// After 401 the client tries again with another token, after the usual delay, and after the
    /// close code 3005 (the token has expired) as well. 403 and the close codes 3500 to 3999 end
    /// it ([`Reason::is_terminal`]).
    ///
    /// ```no_run
    /// use corecast::client::Client;
    ///
    /// let builder = Client::builder("wss://example.com/ws/room:7")?
    ///     .token_with(|| std::fs::read_to_string("token").map(|token| token.trim().to_owned()));
    /// # Ok::<(), corecast::client::UrlError>(())
    /// ```
    ///
    /// [`Reason::Token`]: crate::client::Reason::Token
    /// [`Reason::is_terminal`]: crate::client::Reason::is_terminal
    #[must_use]
    pub fn token_with<E: Into<MakeError>>(
        mut self,
        make: impl Fn() -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        let make = move || make().map_err(Into::into);
        self.token = Some(Ok(TokenSource::Made(Arc::new(make))));
        self
    }

    /// Adds a header field to the WebSocket request, for example `X-API-Key`; may be called several
    /// times. Over TCP there is no request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol, the preferred one first. The server may choose one of them or none.
    #[must_use]
    pub fn protocol(mut self, name: impl Into<String>) -> Self {
        self.protocols.push(name.into());
        self
    }

    /// Offers permessage-deflate (RFC 7692); off by default. If the server agrees, both sides may
    /// compress messages, each independently. It is useful if bytes cost more than some
    /// microseconds of CPU for each message.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Sets the maximum length of a message in bytes, in both directions; 1 MiB by default. A
    /// longer message from the server ends the connection and the client ([`Reason::is_terminal`]).
    ///
    /// [`Reason::is_terminal`]: crate::client::Reason::is_terminal
    #[must_use]
    pub fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.message_bytes_max = bytes;
        self
    }

    /// Sets the maximum time of an attempt, from resolving the name to a connected socket; 10 s by
    /// default. The addresses of a host are tried one after the other, each with its share of the
    /// remaining time.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Sets the maximum time for the server's answer after that, including TLS; 10 s by default.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = timeout;
        self
    }

    /// Sets when a silent server is pinged (after `interval`), and when it counts as dead (after
    /// another `timeout`); 25 s and 10 s by default.
    ///
    /// Over TCP there is no answer to a ping. An empty frame is sent if nothing else was sent for
    /// `interval`, and the connection ends if the server's host does not acknowledge it for
    /// `interval` and `timeout` together.
    #[must_use]
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.settings.ping_interval = interval;
        self.settings.pong_timeout = timeout;
        self
    }

    /// Ends a connection on which nothing arrived for this long, and reconnects; off by default.
    /// Over WebSocket an answered ping counts.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = Some(timeout);
        self
    }

    /// Sets the delay before the next attempt: a random time from 0 up to `base`, doubled with each
    /// attempt, at most `cap`; 500 ms and 30 s by default. With a refusal (429 or 503) a server can
    /// ask for a longer delay, which is added.
    ///
    /// After a connection that lasted as long as `cap`, the delays start with `base` again.
    #[must_use]
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.settings.backoff_base = base;
        self.settings.backoff_cap = cap;
        self
    }

    /// Whether the client reconnects after a connection has ended or an attempt has failed. By
    /// default it does, unless [`Reason::is_terminal`](crate::client::Reason::is_terminal).
    #[must_use]
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.settings.reconnect = reconnect;
        self
    }

    /// Whether it reconnects even then; off by default.
    #[must_use]
    pub fn retry_refusals(mut self, retry: bool) -> Self {
        self.settings.retry_refusals = retry;
        self
    }

    /// Creates the client without waiting. The first attempt begins in the first call that may
    /// wait, and the first event has its result.
    ///
    /// # Errors
    ///
    /// A setting is out of its range, a TLS file cannot be used, or the process has no descriptors
    /// left.
    pub fn connect(self) -> Result<Client, BuildError> {
        self.check()?;
        let Self {
            address,
            mut protocols,
            keeps_positions,
            headers,
            compression,
            tls,
            token,
            mut settings,
        } = self;
        let tokens = token
            .transpose()
            .map_err(|_| BuildError::Token(MALFORMED))?;
        settings.renews_token = tokens.as_ref().is_some_and(TokenSource::renews);
        let is_websocket = address.scheme == Scheme::WebSocket;
        let user_timeout = if is_websocket {
            TCP_USER_TIMEOUT
        } else {
            let silence = settings.ping_interval.saturating_add(settings.pong_timeout);
            silence.min(USER_TIMEOUT_MOST)
        };
        let keys = if address.tls {
            // RFC 7301: the name of the protocol inside TLS, if it has one.
            let protocols: &[&[u8]] = if is_websocket { &[b"http/1.1"] } else { &[] };
            Some(DialKeys::load(&tls, &address.host, protocols)?)
        } else {
            None
        };
        if keeps_positions {
            protocols.insert(0, SUBPROTOCOL.to_owned());
        }
        settings.offer = is_websocket.then_some(Offer {
            host: address.authority,
            target: address.target,
            protocols,
            headers,
            compression,
        });
        let rules = Rules {
            message_bytes_max: settings.message_bytes_max,
            allows_empty: is_websocket,
        };
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, queue) = queue(rules, Arc::clone(&waker));
        let dialer = Dialer::new(address.host, address.port, user_timeout);
        Ok(Client {
            core: Core::new(settings, entropy::fill, Now::default()),
            shell: Shell::new(poll, waker, dialer, keys, tokens),
            queue,
            sender,
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("host", &self.address.host)
            .field("port", &self.address.port)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The kernel counts milliseconds in 31 bits.
const USER_TIMEOUT_MOST: Duration = Duration::from_secs(24 * 60 * 60);
#[cfg(test)]
mod tests;
