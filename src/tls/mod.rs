//! TLS of listeners and clients. See [`Listener::tls`](crate::Listener::tls) and
//! [`Handle::reload_tls`](crate::Handle::reload_tls).
//!
//! Internally: certificates by name, and the session of one connection, which takes and returns
//! bytes and has no socket. `dial` is the client's side; there, simplicity matters more than
//! memory.
//!
//! Without the cargo feature `tls` there are no settings, so there is never a session. The types
//! still exist, so that the shards need no conditions.

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

/// The effect of received bytes.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The handshake has just ended: data may be sent in both directions.
    pub opened: bool,
    /// The client has closed its side with `close_notify`.
    pub closed: bool,
    /// The number of processed records, or slightly fewer.
    pub records: usize,
}

/// The session cannot continue: the peer violated TLS or was refused.
///
/// The alert for the peer (RFC 8446 section 6.2) is among the bytes to send.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);
