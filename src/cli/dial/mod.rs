//! How commands reach a server: the flags that `sub` and `pub` share.

pub(in crate::cli) mod advice;
#[cfg(feature = "auth")]
pub(in crate::cli) mod https;
pub(in crate::cli) mod token;
pub(in crate::cli) mod url;

#[cfg(any(feature = "auth", feature = "tls"))]
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::cli::Failure;
use crate::cli::dial::token::{HEADING, TokenFlags};
use crate::cli::dial::url::Base;
use crate::client::{Client, ClientBuilder};
use crate::proto::centrifuge::PROTOBUF_SUBPROTOCOL;
use crate::settings::parse_time;

/// The flags of a command that connects.
#[derive(Args, Debug)]
pub(in crate::cli) struct Dial {
    /// The server: ws://HOST:PORT[/PATH] for its HTTP port, where PATH is what a proxy wants before
    /// the server's own paths, or tcp://HOST:PORT for a listener with the protocol length-prefix;
    /// with TLS wss:// and tcps://
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8080", help_heading = HEADING)]
    url: String,
    /// raw: one topic, by a path of the server or over TCP. structured: any number of topics and
    /// patterns over one WebSocket, by the protocol of Centrifuge
    #[arg(long, value_enum, value_name = "PROTOCOL", help_heading = HEADING)]
    pub(in crate::cli) protocol: Option<Protocol>,
    #[command(flatten)]
    pub(in crate::cli) token: TokenFlags,
    /// With TLS, trust the authorities in this PEM file in place of the platform's
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    ca: Vec<PathBuf>,
    /// With TLS, show the certificate in this PEM file, with --tls-key
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = HEADING)]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = HEADING)]
    tls_key: Option<PathBuf>,
    /// How long to try to connect for the first time; 0s tries for ever
    #[arg(
        long, value_name = "TIME", default_value = "10s", value_parser = time,
        help_heading = HEADING
    )]
    connect_timeout: Duration,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Protocol {
    Raw,
    Structured,
}

impl Dial {
    /// The server's address.
    pub(in crate::cli) fn base(&self) -> Result<Base, Failure> {
        Base::parse(&self.url)
    }

    /// A client of this address, without a token.
    pub(in crate::cli) fn client(&self, url: &str) -> Result<ClientBuilder, Failure> {
        let builder = Client::builder(url);
        let builder = builder.map_err(|err| Failure::usage(format!("{url}: {err}")))?;
        let builder = builder.message_bytes_max(MESSAGE_BYTES_MAX);
        #[cfg(feature = "tls")]
        let builder = self.secured(builder);
        Ok(builder)
    }

    /// The same with the token, for protocols where it comes with the request.
    pub(in crate::cli) fn client_with_token(&self, url: &str) -> Result<ClientBuilder, Failure> {
        let builder = self.client(url)?;
        if !self.token.is_given() {
            return Ok(builder);
        }
        if self.token.renews() {
            let token = self.token.clone();
            return Ok(builder.token_with(move || token.make().map(Option::unwrap_or_default)));
        }
        let token = self.token.make().ok().flatten();
        Ok(builder.token(token.unwrap_or_default()))
    }

    /// A client of the structured protocol, whose token comes with its first command.
    pub(in crate::cli) fn session_client(&self) -> Result<ClientBuilder, Failure> {
        let url = self.base()?.session()?;
        Ok(self.client(&url)?.protocol(PROTOBUF_SUBPROTOCOL))
    }

    #[cfg(feature = "tls")]
    fn secured(&self, mut builder: ClientBuilder) -> ClientBuilder {
        for path in &self.ca {
            builder = builder.tls_ca(path);
        }
        if let (Some(chain), Some(key)) = (&self.tls_cert, &self.tls_key) {
            builder = builder.tls_client_cert(chain, key);
        }
        builder
    }

    /// The files with the authorities to trust; none: the platform's.
    #[cfg(feature = "auth")]
    pub(in crate::cli) fn authorities(&self) -> Vec<PathBuf> {
        #[cfg(feature = "tls")]
        return self.ca.clone();
        #[cfg(not(feature = "tls"))]
        Vec::new()
    }

    /// Whether it shows a certificate of its own.
    #[cfg(feature = "auth")]
    pub(in crate::cli) fn has_certificate(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls_cert.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// How long to try to connect.
    #[cfg(feature = "auth")]
    pub(in crate::cli) fn patience(&self) -> Duration {
        if self.connect_timeout.is_zero() {
            return TIME_MAX;
        }
        self.connect_timeout
    }

    /// The end of the time to connect for the first time.
    pub(in crate::cli) fn deadline(&self) -> Option<Instant> {
        let timeout = self.connect_timeout;
        (!timeout.is_zero()).then(|| clock() + timeout)
    }
}

/// Starts a client.
pub(in crate::cli) fn connect(builder: ClientBuilder) -> Result<Client, Failure> {
    builder
        .connect()
        .map_err(|err| Failure::usage(err.to_string()))
}

/// A time as a flag has it.
pub(in crate::cli) fn time(text: &str) -> Result<Duration, String> {
    let time = parse_time(text).filter(|time| *time <= TIME_MAX);
    time.ok_or_else(|| "write a time such as 250ms, 10s or 5m, at most 24h".to_owned())
}

/// What the clock says.
pub(in crate::cli) fn clock() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a command is no shard")]
    let now = Instant::now();
    now
}

/// The longest message of any server, `limits.message`, with what the protocols add to it.
const MESSAGE_BYTES_MAX: usize = (16 << 20) + (64 << 10);
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
