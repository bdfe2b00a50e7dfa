//! What listeners with TLS make sessions from: loaded at the start, and again while they listen.

use crate::shard::shell::accept::listener::Listener;
use crate::tls::{Keys, Reloader, TlsError};

/// Loads what the listeners that speak TLS ask for; gives it to each, and returns what can load it
/// again.
///
/// # Errors
///
/// A file cannot be read, or does not hold what it should.
pub fn load_keys(listen: &mut [Listener]) -> Result<Reloader, TlsError> {
    let asks = listen.iter().filter_map(|listener| {
        let protocols: &[&[u8]] = if listener.speaks_http() {
            &[b"http/1.1"]
        } else {
            &[]
        };
        Some((listener.tls.clone()?, protocols))
    });
    let reloader = Reloader::new(asks.collect())?;
    let secured = listen.iter_mut().filter(|listener| listener.tls.is_some());
    for (listener, keys) in secured.zip(reloader.keys().iter().cloned().enumerate()) {
        listener.keys = Some(keys);
    }
    Ok(reloader)
}

/// Gives connections that come from now on what was loaded last.
pub(crate) fn renew(listeners: &mut [Listener], renewed: &[Keys]) {
    for (place, keys) in listeners
        .iter_mut()
        .filter_map(|listener| listener.keys.as_mut())
    {
        if let Some(renewed) = renewed.get(*place) {
            *keys = renewed.clone();
        }
    }
}
