//! Loads TLS files and passes them to the shards, at the start and at each reload.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::tls::error::TlsError;
use crate::tls::keys::Keys;
use crate::tls::settings::TlsSettings;

/// The contents of the files at load number `generation`.
#[derive(Clone, Debug)]
struct Renewal {
    generation: u64,
    keys: Vec<Keys>,
}

/// A listener, and the protocols inside TLS (RFC 7301): `http/1.1`, or none with a name.
type Inside = (TlsSettings, &'static [&'static [u8]]);

/// Loads the files of all listeners. It belongs to the starting thread.
#[derive(Debug)]
pub struct Reloader {
    listeners: Vec<Inside>,
    first: Vec<Keys>,
    generation: AtomicU64,
    shards: Vec<Sender<Renewal>>,
}

/// The receiving side of one shard.
#[derive(Debug)]
pub struct Renewals {
    renewals: Receiver<Renewal>,
    generation: u64,
}

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
            generation: AtomicU64::new(0),
            shards: Vec::new(),
        })
    }

    /// The contents of the first load, by listener.
    pub fn keys(&self) -> &[Keys] {
        &self.first
    }

    /// Adds a shard that receives changes.
    pub fn add_shard(&mut self) -> Renewals {
        let (sender, renewals) = bounded(RENEWALS_MAX);
        self.shards.push(sender);
        Renewals {
            renewals,
            generation: 0,
        }
    }

    /// Loads the files again and sends their contents to the shards; the caller then rings the
    /// shards.
    ///
    /// # Errors
    ///
    /// As in [`new`](Self::new); then nothing changes. [`TlsError::Busy`]: only some shards have
    /// the new contents.
    pub fn reload(&self) -> Result<(), TlsError> {
        // Taken before the files are read: of two concurrent reloads, the later one counts on all
        // shards.
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let load = |((settings, protocols), first): (&Inside, &Keys)| {
            Keys::load(settings, protocols, Some(first))
        };
        let listeners = self.listeners.iter().zip(&self.first);
        let keys: Vec<Keys> = listeners.map(load).collect::<Result<_, _>>()?;
        let renewal = Renewal { generation, keys };
        // A shard that has ended accepts no connection and needs nothing.
        let is_late = |shard: &&Sender<Renewal>| {
            matches!(shard.try_send(renewal.clone()), Err(TrySendError::Full(_)))
        };
        // To all of them, even if one is late.
        let late = self.shards.iter().filter(is_late).count();
        if late == 0 {
            Ok(())
        } else {
            Err(TlsError::Busy)
        }
    }
}

impl Renewals {
    /// The configuration of new sessions by listener, if it has changed.
    pub fn take(&mut self) -> Option<Vec<Keys>> {
        let mut newest = None;
        while let Ok(renewal) = self.renewals.try_recv() {
            if self.generation < renewal.generation {
                self.generation = renewal.generation;
                newest = Some(renewal.keys);
            }
        }
        newest
    }
}

/// Renewals on their way to one shard.
const RENEWALS_MAX: usize = 8;
