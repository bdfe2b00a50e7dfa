//! From files to the shards, at the start and whenever they have changed.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::tls::error::TlsError;
use crate::tls::keys::Keys;
use crate::tls::settings::TlsSettings;

/// What the files held when they were read as the `generation`th.
#[derive(Clone, Debug)]
struct Renewal {
    generation: u64,
    keys: Vec<Keys>,
}

/// A listener, and what is spoken inside (RFC 7301): `http/1.1`, or nothing that has a name.
type Inside = (TlsSettings, &'static [&'static [u8]]);

/// Loads the files of all listeners, again and again. Of the starter.
#[derive(Debug)]
pub struct Reloader {
    listeners: Vec<Inside>,
    first: Vec<Keys>,
    generation: AtomicU64,
    shards: Vec<Sender<Renewal>>,
}

/// What reaches one shard of it.
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

    /// What was loaded first, by listener.
    pub fn keys(&self) -> &[Keys] {
        &self.first
    }

    /// Adds a shard that is to hear of what changes.
    pub fn add_shard(&mut self) -> Renewals {
        let (sender, renewals) = bounded(RENEWALS_MAX);
        self.shards.push(sender);
        Renewals {
            renewals,
            generation: 0,
        }
    }

    /// Loads the files again, and sends what they hold to the shards; the caller rings them.
    ///
    /// # Errors
    ///
    /// As the first time; then nothing changes. [`TlsError::Busy`]: some shards have it.
    pub fn reload(&self) -> Result<(), TlsError> {
        // Taken before the files are read: of two at a time, the later one counts on all shards.
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let load = |((settings, protocols), first): (&Inside, &Keys)| {
            Keys::load(settings, protocols, Some(first))
        };
        let listeners = self.listeners.iter().zip(&self.first);
        let keys: Vec<Keys> = listeners.map(load).collect::<Result<_, _>>()?;
        let renewal = Renewal { generation, keys };
        // One that has ended accepts nobody, and misses nothing.
        let is_late = |shard: &&Sender<Renewal>| {
            matches!(shard.try_send(renewal.clone()), Err(TrySendError::Full(_)))
        };
        // To all of them, also if one is late.
        let late = self.shards.iter().filter(is_late).count();
        if late == 0 {
            Ok(())
        } else {
            Err(TlsError::Busy)
        }
    }
}

impl Renewals {
    /// What new sessions are made from, by listener, if it has changed.
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
