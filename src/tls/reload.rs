//! Loads TLS files and passes them to the shards, at the start and at each reload.

use crate::renewal::{self, Renewer};
use crate::tls::error::TlsError;
use crate::tls::keys::Keys;
use crate::tls::settings::TlsSettings;

/// A listener, and the protocols inside TLS (RFC 7301): `http/1.1`, or none with a name.
type Inside = (TlsSettings, &'static [&'static [u8]]);

/// Loads the files of all listeners. It belongs to the starting thread.
#[derive(Debug)]
pub struct Reloader {
    listeners: Vec<Inside>,
    first: Vec<Keys>,
    renewer: Renewer<Vec<Keys>>,
}

/// The receiving side of one shard: the configuration of new sessions by listener.
pub type Renewals = renewal::Renewals<Vec<Keys>>;

impl Reloader {
    /// Loads the files of the TLS listeners for the first time.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or does not hold what it should.
    pub fn new(listeners: Vec<Inside>) -> Result<Self, TlsError> {
        let load = |(settings, protocols): &Inside| Keys::load(settings, protocols, None);
        let first = listeners.iter().map(load).collect::<Result<_, _>>()?;
        Ok(Self {
            listeners,
            first,
            renewer: Renewer::default(),
        })
    }

    /// The contents of the first load, by listener.
    pub fn keys(&self) -> &[Keys] {
        &self.first
    }

    /// Adds a shard that receives changes.
    pub fn add_shard(&mut self) -> Renewals {
        self.renewer.add_shard()
    }

    /// Loads the files again. The number is taken first, so that of two loads at the same time the
    /// later one counts.
    ///
    /// # Errors
    ///
    /// As in [`new`](Self::new).
    pub fn load(&self) -> Result<Loaded, TlsError> {
        let number = self.renewer.next_number();
        let load = |((settings, protocols), first): (&Inside, &Keys)| {
            Keys::load(settings, protocols, Some(first))
        };
        let listeners = self.listeners.iter().zip(&self.first);
        let keys = listeners.map(load).collect::<Result<_, _>>()?;
        Ok(Loaded { number, keys })
    }

    /// Whether each shard can be sent something now.
    pub fn has_space(&self) -> bool {
        self.renewer.has_space()
    }

    /// Sends what was loaded to the shards; the caller then rings them. `false`: only some shards
    /// have it.
    pub fn send(&self, loaded: &Loaded) -> bool {
        self.renewer.send(loaded.number, &loaded.keys)
    }

    /// Loads the files again and sends their contents to the shards; the caller then rings the
    /// shards.
    ///
    /// # Errors
    ///
    /// As in [`new`](Self::new); then nothing changes. [`TlsError::Busy`]: only some shards have
    /// the new contents.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = self.load()?;
        self.send(&loaded).then_some(()).ok_or(TlsError::Busy)
    }
}

/// The contents of all files, on their way to the shards.
#[derive(Debug)]
pub struct Loaded {
    number: u64,
    keys: Vec<Keys>,
}
