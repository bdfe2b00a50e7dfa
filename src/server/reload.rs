//! What a running server is given anew: all of it, or nothing.

use std::io;

use thiserror::Error;

#[cfg(not(feature = "auth"))]
use crate::auth::{Auth, Places};
use crate::config::{Config, Namespaces};
use crate::error::Error;
use crate::renewal::Renewer;
use crate::server::ServerBuilder;
use crate::server::handle::Handle;
use crate::tls::Reloader;
#[cfg(feature = "tls")]
use crate::tls::TlsError;

/// The ways by which shards get what is replaced, except identity.
#[derive(Debug)]
pub(crate) struct Renewal {
    pub(super) certificates: Reloader,
    pub(super) namespaces: Renewer<Namespaces>,
    pub(super) configs: Renewer<Config>,
}

impl Renewal {
    pub(super) fn new(certificates: Reloader) -> Self {
        Self {
            certificates,
            namespaces: Renewer::default(),
            configs: Renewer::default(),
        }
    }

    fn has_space(&self) -> bool {
        self.certificates.has_space() && self.configs.has_space()
    }
}

/// Only some shards have taken what was loaded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a shard has not taken what was loaded before: try again")]
pub struct ReloadError;

impl Handle {
    /// Gives the server what one with this builder would be started with: limits, rates, times and
    /// the settings of topics ([`Config`]), the maximum number of connections, identity, and the
    /// contents of all TLS files. Everything is read and checked before anything changes.
    /// Connections that are open stay; a lower limit holds for those that come. Do not call it on a
    /// shard's thread: it reads files.
    ///
    /// Listeners, shards and descriptor tables stay as they are, and of [`Config`] the fields
    /// `compression` and `trusted_proxies`. Limits of addresses, and rates at which addresses and
    /// users open connections, can be changed or ended; a server that was started without one goes
    /// on without it.
    ///
    /// # Errors
    ///
    /// A setting is out of its range, a TLS file cannot be used, or one of both has no identity:
    /// nothing changes. [`WouldBlock`](io::ErrorKind::WouldBlock): a shard has not taken what was
    /// loaded before; try again.
    pub fn reload(&self, builder: &ServerBuilder) -> Result<(), Error> {
        let builder = builder.clone().shards(self.shards().into());
        builder.check()?;
        let certificates = self.renewal.certificates.load();
        let certificates =
            certificates.map_err(|err| io::Error::new(io::ErrorKind::InvalidInput, err))?;
        let number = self.renewal.configs.next_number();
        let config = builder.shard_config(self.shards());
        if !self.renewal.has_space() {
            return Err(busy().into());
        }
        // Nothing was sent if this fails; nothing fails after it, unless another thread reloads at
        // the same time.
        self.replace_identity(builder.auth)?;
        let connections = builder.connections_max.unwrap_or(usize::MAX);
        self.shared.set_limits(connections, &config);
        let mut sent = self.renewal.certificates.send(&certificates);
        sent &= self.renewal.configs.send(number, &config);
        self.wake();
        sent.then_some(()).ok_or_else(|| busy().into())
    }

    /// Reads the files of all TLS listeners again. New connections use their contents; existing
    /// connections stay as they are. Do not call it on a shard's thread: it reads files.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is invalid; then nothing changes. [`TlsError::Busy`]: only some
    /// shards have taken the files loaded before; try again.
    #[cfg(feature = "tls")]
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        let reloaded = self.renewal.certificates.reload();
        self.wake();
        reloaded
    }

    /// Replaces what holds for topics by their names. It counts from the next message of each
    /// topic, and for subscribers that come. A topic without a history any more loses its messages
    /// and its position.
    ///
    /// # Errors
    ///
    /// Only some shards have taken those before: try again.
    pub fn reload_namespaces(&self, namespaces: Namespaces) -> Result<(), ReloadError> {
        let renewer = &self.renewal.namespaces;
        let sent = renewer.send(renewer.next_number(), &namespaces);
        self.wake();
        sent.then_some(()).ok_or(ReloadError)
    }
}

#[cfg(not(feature = "auth"))]
impl Handle {
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "as with the feature"
    )]
    fn replace_identity(&self, _: Option<(Auth, Places)>) -> Result<(), Error> {
        Ok(())
    }
}

fn busy() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, ReloadError)
}
