//! What is loaded again on SIGHUP: all of it, or nothing.

use std::env;
use std::error::Error;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use corecast::auth::Auth;
use corecast::cli::Serve;
use corecast::settings::{Level, Settings};
use corecast::sys::startup::while_starting;
use corecast::{Handle, RelayRenewer};

use crate::service::Manager;
use crate::stop::StopTimes;

/// What the running server was made of.
pub(crate) struct Running {
    pub(crate) serve: Serve,
    /// What it was started with.
    pub(crate) started: Settings,
    /// What it has been given since.
    pub(crate) settings: Settings,
    pub(crate) auth: Option<Auth>,
    pub(crate) relay: RelayRenewer,
    pub(crate) stop: StopTimes,
    pub(crate) manager: Manager,
}

/// Starts a thread that loads all that again for each item sent to it. A slow file, perhaps on a
/// network file system, must not delay other signals.
pub(crate) fn reloader(handle: Handle, mut running: Running) -> io::Result<SyncSender<()>> {
    let (reload, asked) = sync_channel(1);
    thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || {
            asked.iter().for_each(|()| {
                running.manager.reloading();
                running.load_again(&handle);
                running.manager.ready();
            });
        })
        .map_err(|err| while_starting("cannot start the reload thread", &err))?;
    Ok(reload)
}

impl Running {
    /// Reads the configuration and all files again, and puts what can be replaced into use.
    fn load_again(&mut self, handle: &Handle) {
        match self.try_load(handle) {
            Ok(changes) => {
                for change in changes {
                    log::info!("reloaded: {change}");
                }
                let names = self.settings.needs_restart(&self.started);
                if !names.is_empty() {
                    let names = names.join(", ");
                    log::warn!("changed and not loaded without a restart: {names}");
                }
                warn_of_open_doors(&self.settings);
                log::info!("configuration reloaded");
            }
            Err(err) => {
                for line in err.to_string().lines() {
                    log::error!("configuration not reloaded, the old one stays in use: {line}");
                }
            }
        }
    }

    /// What has changed. An error changes nothing.
    fn try_load(&mut self, handle: &Handle) -> Result<Vec<String>, Box<dyn Error>> {
        let settings = self.serve.checked_settings()?;
        let before = self.auth.as_ref().map(|auth| (&self.settings, auth));
        let identity = settings.identity(before)?;
        let auth = identity.as_ref().map(|(auth, _)| auth.clone());
        let mut builder = settings.builder();
        if let Some((auth, places)) = identity {
            builder = builder.auth(auth, places);
        }
        // Before the shards get it: they keep addresses if the ends of connections are logged.
        // An operator's level stays until the file has another.
        let has_level = settings.log.level != self.settings.log.level;
        if has_level {
            log_from(settings.log.level);
        }
        if let Err(err) = handle.reload(&builder) {
            if has_level {
                log_from(self.settings.log.level);
            }
            return Err(io::Error::from(err).into());
        }
        self.relay.renew(settings.relay());
        self.stop.set(&settings);
        let mut changes = settings.changes(&self.settings, &self.started);
        changes.extend(settings.has_tls().then(|| "certificates".to_owned()));
        changes.extend(auth.is_some().then(|| "identity".to_owned()));
        (self.settings, self.auth) = (settings, auth);
        Ok(changes)
    }
}

/// Logs from this severity on, unless the environment says which.
pub(crate) fn log_from(level: Level) {
    if env::var_os(env_logger::DEFAULT_FILTER_ENV).is_none() {
        log::set_max_level(level.filter());
    }
}

/// Warns of clients that are let in because of how the server is configured.
pub(crate) fn warn_of_open_doors(settings: &Settings) {
    if settings.auth.insecure {
        let key = settings.name("auth.insecure");
        log::warn!("{key}: every client may do everything");
    }
    if settings.auth.short_secrets {
        let key = settings.name("auth.hmac_short_secrets");
        log::warn!("{key}: one token is enough to find a short secret, and to make tokens for all");
    }
    if settings.auth.has_foreign_tokens() {
        let key = settings.name("auth.audiences");
        log::warn!("{key}: tokens for other applications of the provider are accepted, too");
    }
}
