//! TLS: what a listener asks for. See [`Listener::tls`](crate::Listener::tls) and
//! [`Handle::reload_tls`](crate::Handle::reload_tls).
//!
//! Inside: certificates by name, and one connection's session, which takes bytes and gives bytes
//! and has no socket. `dial` is the same for a client, by other means: simple before small.
//!
//! Without the feature `tls` there are no settings, so there is never a session; the types stay,
//! so that the shards need not know.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "tls")]
mod dial;
#[cfg(feature = "tls")]
mod error;
mod fault;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod keys;
#[cfg(feature = "tls")]
mod reload;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod settings;

#[cfg(not(feature = "tls"))]
#[doc(hidden)]
pub use absent::{DialKeys, DialSession, DialSettings};
#[cfg(not(feature = "tls"))]
pub use absent::{Keys, Reloader, Renewals, Session, TlsError, TlsSettings};
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use dial::{DialKeys, DialSession, DialSettings};
#[cfg(feature = "tls")]
pub use error::TlsError;
pub use fault::TlsFault;
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use keys::Keys;
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use reload::{Reloader, Renewals};
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use session::Session;
#[cfg(feature = "tls")]
pub use settings::{ClientAuth, TlsFile, TlsSettings, TlsVersion};

/// What the bytes that came have changed.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The handshake is over just now: data may go both ways.
    pub opened: bool,
    /// The client has closed its side, and said so.
    pub closed: bool,
    /// Records that were taken, or somewhat fewer.
    pub records: usize,
}

/// The session cannot go on: the peer broke the rules of TLS, or was refused.
///
/// What tells the peer (RFC 8446 section 6.2) is among the bytes to send.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);
