//! A broadcast channel for each topic, for the servers that use tokio's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, Receiver, Sender};

type Channels<T> = Arc<Mutex<HashMap<String, Sender<T>>>>;

/// The channels of all topics that anyone is connected to.
#[derive(Debug)]
pub struct Topics<T>(Channels<T>);

/// A connection's hold on its topic; the last one takes the channel along.
#[derive(Debug)]
pub struct Membership<T> {
    channels: Channels<T>,
    name: String,
    sender: Sender<T>,
}

/// Messages that a channel keeps for its slowest receiver, which misses older ones: the number of
/// axum's example, rounded up as tokio does.
const CAPACITY: usize = 100;

impl<T: Clone> Topics<T> {
    /// Connects to a topic.
    pub fn join(&self, name: &str) -> Membership<T> {
        let mut channels = lock(&self.0);
        let sender = channels
            .entry(name.to_owned())
            .or_insert_with(|| broadcast::channel(CAPACITY).0);
        Membership {
            channels: Arc::clone(&self.0),
            name: name.to_owned(),
            sender: sender.clone(),
        }
    }
}

impl<T> Clone for Topics<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Topics<T> {
    fn default() -> Self {
        Self(Channels::default())
    }
}

impl<T: Clone> Membership<T> {
    /// Subscribes to what is published from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        self.sender.subscribe()
    }

    /// Publishes; there may be no subscriber.
    pub fn publish(&self, message: T) {
        drop(self.sender.send(message));
    }
}

impl<T> Drop for Membership<T> {
    fn drop(&mut self) {
        let mut channels = lock(&self.channels);
        // The map's sender and this one.
        if self.sender.strong_count() == 2 {
            channels.remove(&self.name);
        }
    }
}

fn lock<T>(channels: &Channels<T>) -> MutexGuard<'_, HashMap<String, Sender<T>>> {
    channels.lock().unwrap_or_else(PoisonError::into_inner)
}
