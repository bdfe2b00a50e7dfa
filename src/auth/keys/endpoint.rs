//! The keys of a key set that is fetched over HTTP, by a thread of its own.

use core::net::IpAddr;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs::default_provider;
use thiserror::Error;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::auth::keys::{Key, KeyError, jwk_set, key_set};
use crate::limits::{
    KEY_SET_BYTES_MAX, KEYS_ASK_INTERVAL, KEYS_RETRY, KEYS_TIMEOUT, KEYS_WAITING_MAX,
};
use crate::published::{Published, Publisher};

/// The keys of a key set (RFC 7517 section 5) that a thread fetches: at the start, again after a
/// while, and when a token names a key that is not there. While the endpoint is down, the keys
/// that were fetched last stay in use up to an age. No proxy of the environment is used. The thread
/// ends when the last clone is dropped.
#[derive(Clone)]
pub struct Endpoint {
    keys: Published<Option<Vec<Key>>>,
    asks: SyncSender<Ask>,
}

/// Called when a fetch is over, whatever its result.
type Ask = Box<dyn FnOnce() + Send>;

/// Why keys could not be fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// There was no answer, or none that is a key set.
    #[error("{0}")]
    Http(String),
    /// The answer has no keys that can be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(..)")
    }
}

impl Endpoint {
    /// Starts the thread, which fetches the keys at once, and again after each `refresh`. If that
    /// fails, no keys are used that were fetched longer ago than `age_max`.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(url: &str, refresh: Duration, age_max: Duration) -> io::Result<Self> {
        let (asks, asked) = sync_channel(KEYS_WAITING_MAX);
        let publisher = Publisher::new(None);
        let keys = publisher.reader();
        let fetcher = Fetcher {
            url: url.to_owned(),
            refresh,
            age_max,
            agent: agent(),
            publisher,
            failures: 0,
            last: None,
            fetched: None,
        };
        let thread = thread::Builder::new().name("keys".to_owned());
        thread.spawn(move || fetcher.run(&asked))?;
        Ok(Self { keys, asks })
    }

    /// The keys; `None` before the first successful fetch, and when they are too old.
    pub(in crate::auth) fn keys(&mut self) -> Option<&[Key]> {
        self.keys.newest().as_deref()
    }

    /// Asks for a fetch, and calls back when it is over. Returns `false`, and never calls back, if
    /// too many wait.
    pub fn ask(&self, done: impl FnOnce() + Send + 'static) -> bool {
        self.asks.try_send(Box::new(done)).is_ok()
    }
}

/// Fetches the keys of an endpoint once.
///
/// # Errors
///
/// There was no answer with keys.
pub fn fetch(url: &str) -> Result<Vec<Key>, EndpointError> {
    let body = get(&agent(), url)?;
    Ok(jwk_set(&body, false)?)
}

/// What is wrong with the address of a key set. Without encryption anyone on the way could put in
/// keys of their own.
pub(crate) fn url_fault(url: &str, may_be_plain: bool) -> Option<&'static str> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Some("is not a URL");
    };
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Some("has a user or a password, which would be logged");
    }
    match uri.scheme_str() {
        Some("https") => None,
        Some("http") if may_be_plain || uri.host().is_some_and(is_this_host) => None,
        Some("http") => Some("is not encrypted: others could replace the keys on their way"),
        _ => Some("is no address of HTTP"),
    }
}

fn is_this_host(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

struct Fetcher {
    url: String,
    refresh: Duration,
    age_max: Duration,
    agent: Agent,
    publisher: Publisher<Option<Vec<Key>>>,
    failures: u32,
    /// The last answer: the same one again changes nothing.
    last: Option<Vec<u8>>,
    /// When the keys were fetched that are in use.
    fetched: Option<Instant>,
}

impl Fetcher {
    fn run(mut self, asked: &Receiver<Ask>) {
        let mut next = self.fetch_now();
        let mut last = clock();
        loop {
            let wait = (last + next).saturating_duration_since(clock());
            let ask = match asked.recv_timeout(wait) {
                Ok(ask) => Some(ask),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // One fetch answers all that were asked before it. Asked again soon, it is answered
            // without one: a client may name keys that are nowhere as often as it likes.
            let waiting: Vec<Ask> = ask.into_iter().chain(asked.try_iter()).collect();
            let is_soon = clock() < last + KEYS_ASK_INTERVAL;
            if waiting.is_empty() || !is_soon {
                next = self.fetch_now();
                last = clock();
            }
            waiting.into_iter().for_each(|done| done());
        }
    }

    /// Fetches the keys; returns the time until the next fetch.
    fn fetch_now(&mut self) -> Duration {
        match self.try_fetch() {
            Ok(()) => {
                if 0 < std::mem::take(&mut self.failures) {
                    log::info!("the keys of {} are fetched again", self.url);
                }
                self.refresh
            }
            Err(err) => {
                let delay = KEYS_RETRY.saturating_mul(1 << self.failures.min(16));
                let delay = delay.min(self.refresh);
                self.failures += 1;
                let secs = delay.as_secs();
                log::warn!("no keys from {}: {err}; next try in {secs}s", self.url);
                self.end_old_keys();
                delay
            }
        }
    }

    /// Ends the use of keys that are too old: one of them may have been taken out of the set.
    fn end_old_keys(&mut self) {
        let age = self.fetched.map(|fetched| clock() - fetched);
        let Some(age) = age.filter(|age| self.age_max <= *age) else {
            return;
        };
        let (secs, url) = (age.as_secs(), &self.url);
        log::error!(
            "the keys of {url} are {secs}s old: its tokens are refused until new ones come"
        );
        (self.fetched, self.last) = (None, None);
        self.publisher.publish(None);
    }

    fn try_fetch(&mut self) -> Result<(), EndpointError> {
        let body = get(&self.agent, &self.url)?;
        if self.last.as_ref() != Some(&body) {
            let keys = key_set(&body, false)?;
            if keys.is_empty() {
                log::warn!("the key set of {} has no key that can be used", self.url);
            }
            self.publisher.publish(Some(keys));
            self.last = Some(body);
        }
        self.fetched = Some(clock());
        Ok(())
    }
}

fn agent() -> Agent {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots = roots
        .iter()
        .map(|cert| Certificate::from_der(cert).to_owned());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots.collect())))
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(KEYS_TIMEOUT))
        // Keys come from where the configuration says, not the environment or an answer.
        .proxy(None)
        .max_redirects(0)
        .build();
    config.new_agent()
}

fn get(agent: &Agent, url: &str) -> Result<Vec<u8>, EndpointError> {
    let http = |err: ureq::Error| EndpointError::Http(err.to_string());
    let mut response = agent.get(url).call().map_err(http)?;
    if response.status() != 200 {
        let status = response.status().as_u16();
        return Err(EndpointError::Http(format!("status {status}")));
    }
    let limit = u64::try_from(KEY_SET_BYTES_MAX).unwrap_or(u64::MAX);
    let body = response.body_mut().with_config().limit(limit + 1);
    body.read_to_vec().map_err(http)
}

#[expect(clippy::disallowed_methods, reason = "this thread is no shard")]
fn clock() -> Instant {
    Instant::now()
}
