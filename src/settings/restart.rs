//! What a running server does not load again.

use crate::settings::keys::keys;
use crate::settings::listeners::keys::LISTENER_KEYS;
use crate::settings::tables::table_key;
use crate::settings::{Listen, Settings};

impl Settings {
    /// The keys whose values are not those of a server that runs with `started`, and which SIGHUP
    /// does not load.
    pub fn needs_restart(&self, started: &Self) -> Vec<String> {
        let changed = keys().filter(|key| key.field.show(self) != key.field.show(started));
        let names = changed.map(|key| key.name);
        let names = names.filter(|name| !is_loaded(name)).map(str::to_owned);
        let listeners = (&self.listeners, &started.listeners);
        let other_count = listeners.0.len() != listeners.1.len();
        let both = listeners.0.iter().zip(listeners.1).enumerate();
        let of_listeners = both.flat_map(|(index, (new, old))| {
            let keys = LISTENER_KEYS.iter();
            let changed = keys.filter(|key| key.field.show(new) != key.field.show(old));
            changed.map(move |key| table_key::<Listen>(index, key.name))
        });
        let count = other_count.then(|| "listener".to_owned());
        names.chain(of_listeners).chain(count).collect()
    }
}

/// Whether SIGHUP loads a key.
fn is_loaded(name: &str) -> bool {
    match name.split_once('.') {
        Some(("topics", key)) => key != "linger",
        Some(("auth", key)) => key != "revocations_file",
        _ => false,
    }
}
