//! What is different in settings that are loaded again: what a running server takes of it, and what
//! needs a restart.

use crate::settings::field::Field;
use crate::settings::keys::{Key, keys};
use crate::settings::listeners::keys::LISTENER_KEYS;
use crate::settings::namespaces::keys::NAMESPACE_KEYS;
use crate::settings::tables::table_key;
use crate::settings::{Listen, Namespace, Settings};

impl Settings {
    /// The keys whose values are not those of a server that runs with `started`, and which SIGHUP
    /// does not load.
    pub fn needs_restart(&self, started: &Self) -> Vec<String> {
        let changed = keys().filter(|key| key.field.show(self) != key.field.show(started));
        let names = changed.map(|key| key.name);
        let names = names.filter(|name| !is_loaded(name) || self.is_begun(started, name));
        let listeners = (&self.listeners, &started.listeners);
        let other_count = listeners.0.len() != listeners.1.len();
        let both = listeners.0.iter().zip(listeners.1).enumerate();
        let of_listeners = both.flat_map(|(index, (new, old))| {
            let keys = LISTENER_KEYS.iter();
            let changed = keys.filter(|key| key.field.show(new) != key.field.show(old));
            changed.map(move |key| table_key::<Listen>(index, key.name))
        });
        let count = other_count.then(|| "listener".to_owned());
        let names = names.map(str::to_owned);
        names.chain(of_listeners).chain(count).collect()
    }

    /// Whether there are certificates.
    pub fn has_tls(&self) -> bool {
        self.listeners.iter().any(|listen| listen.tls.is_on())
    }

    /// What SIGHUP loads and is different from what was in use, a text for each key; of that, what
    /// the server was not `started` with may need a restart.
    pub fn changes(&self, before: &Self, started: &Self) -> Vec<String> {
        let loaded = |key: &&Key<Self>| is_loaded(key.name) && !self.is_begun(started, key.name);
        let changes = keys()
            .filter(loaded)
            .filter_map(|key| change(key, self, before));
        let named = |settings: &Self, namespace: &Namespace| {
            let all = settings.namespaces.iter();
            let same = all
                .clone()
                .find(|other| name_of(other) == name_of(namespace));
            same.cloned()
        };
        let of_namespaces = self.namespaces.iter().flat_map(|namespace| {
            let name = name_of(namespace);
            let Some(old) = named(before, namespace) else {
                return vec![format!("namespace {name} is new")];
            };
            let keys = NAMESPACE_KEYS.iter();
            let changes = keys.filter_map(|key| change(key, namespace, &old));
            let changes = changes.map(|change| format!("namespace {name}: {change}"));
            changes.collect()
        });
        let gone = before.namespaces.iter();
        let gone = gone.filter(|namespace| named(self, namespace).is_none());
        let gone = gone.map(|namespace| format!("namespace {} is gone", name_of(namespace)));
        changes.chain(of_namespaces).chain(gone).collect()
    }

    /// Whether a server that was `started` with this limit off would have to begin it. What it
    /// counts was not counted.
    fn is_begun(&self, started: &Self, name: &str) -> bool {
        let (new, old) = (&self.config, &started.config);
        match name {
            "limits.connections_per_address" => {
                old.connections_per_address_max.is_none()
                    && new.connections_per_address_max.is_some()
            }
            "limits.open_rate_per_address" => {
                old.open_rate_per_address.is_none() && new.open_rate_per_address.is_some()
            }
            "limits.open_rate_per_user" => {
                old.open_rate_per_user.is_none() && new.open_rate_per_user.is_some()
            }
            _ => false,
        }
    }
}

/// What a key has become, if it is not what it was.
fn change<T: Clone>(key: &Key<T>, new: &T, old: &T) -> Option<String> {
    let (is, was) = (key.field.show(new), key.field.show(old));
    let is_long = matches!(key.field, Field::List(_));
    (is != was).then(|| {
        if key.is_secret || is_long {
            format!("{} has changed", key.name)
        } else {
            format!("{} is {is}, and was {was}", key.name)
        }
    })
}

/// The name of a namespace, or its pattern.
fn name_of(namespace: &Namespace) -> &str {
    if namespace.pattern.is_empty() {
        &namespace.name
    } else {
        &namespace.pattern
    }
}

/// Whether SIGHUP loads a key.
fn is_loaded(name: &str) -> bool {
    match name.split_once('.') {
        Some(("limits" | "timeouts" | "topics" | "http" | "api", _)) | Some(("log", "level")) => {
            true
        }
        Some(("auth", key)) => key != "revocations_file",
        _ => false,
    }
}
