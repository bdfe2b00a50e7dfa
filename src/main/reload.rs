//! What is loaded again on SIGHUP: TLS files, identity, and settings of topics.

#[cfg(feature = "auth")]
use std::error::Error;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use corecast::Handle;
use corecast::auth::Auth;
use corecast::cli::{ConfigError, Serve};
use corecast::settings::Settings;
use corecast::sys::startup::while_starting;

/// What the identity of the running server was made of.
#[cfg_attr(not(feature = "auth"), expect(dead_code, reason = "there is none"))]
pub(crate) struct Running {
    serve: Serve,
    /// What it was started with.
    started: Settings,
    settings: Settings,
    auth: Option<Auth>,
}

/// Starts a thread that loads all that again for each item sent to it. A slow file, perhaps on a
/// network file system, must not delay other signals.
pub(crate) fn reloader(handle: Handle, mut running: Running) -> io::Result<SyncSender<()>> {
    let (reload, asked) = sync_channel(1);
    thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || {
            asked.iter().for_each(|()| {
                load_again(&handle);
                running.load_again(&handle);
            });
        })
        .map_err(|err| while_starting("cannot start the reload thread", &err))?;
    Ok(reload)
}

#[cfg(feature = "tls")]
fn load_again(handle: &Handle) {
    match handle.reload_tls() {
        Ok(()) => log::info!("certificates reloaded"),
        Err(err) => log::error!("certificates not reloaded, the old ones stay in use: {err}"),
    }
}

#[cfg(not(feature = "tls"))]
fn load_again(_handle: &Handle) {
    log::warn!("no certificates to reload: this program is built without TLS");
}

impl Running {
    /// A server that was started with these.
    pub(crate) fn new(serve: Serve, settings: Settings, auth: Option<Auth>) -> Self {
        Self {
            serve,
            started: settings.clone(),
            settings,
            auth,
        }
    }

    /// Reads the configuration again, and puts what can be replaced into use: settings of topics,
    /// and secrets, keys, rules and revocations. An error changes nothing.
    fn load_again(&mut self, handle: &Handle) {
        let settings = self.serve.checked_settings();
        let topics = settings.as_ref().map_err(ToString::to_string);
        let topics = topics.and_then(|settings| {
            let namespaces = settings.topic_settings();
            let reloaded = handle.reload_namespaces(namespaces);
            reloaded.map_err(|err| err.to_string())
        });
        match topics {
            Ok(()) => log::info!("settings of topics reloaded"),
            Err(err) => log_lines("settings of topics not reloaded, the old ones stay", &err),
        }
        if let Ok(settings) = &settings {
            let names = settings.needs_restart(&self.started);
            if !names.is_empty() {
                log::warn!(
                    "changed and not loaded without a restart: {}",
                    names.join(", ")
                );
            }
        }
        self.load_identity(handle, settings);
    }

    #[cfg(feature = "auth")]
    fn load_identity(&mut self, handle: &Handle, settings: Result<Settings, ConfigError>) {
        match self.try_identity(handle, settings) {
            Ok(true) => log::info!("identity reloaded"),
            Ok(false) => {}
            Err(err) => log_lines("identity not reloaded, the old one stays", &err.to_string()),
        }
    }

    /// `false`: there was none, and there is none.
    #[cfg(feature = "auth")]
    fn try_identity(
        &mut self,
        handle: &Handle,
        settings: Result<Settings, ConfigError>,
    ) -> Result<bool, Box<dyn Error>> {
        let settings = match settings {
            Ok(settings) => settings,
            Err(err) if self.auth.is_some() => return Err(err.into()),
            // The error is not of identity: there is none to load.
            Err(_) => return Ok(false),
        };
        let before = self.auth.as_ref().map(|auth| (&self.settings, auth));
        let Some((auth, places)) = settings.identity(before)? else {
            return match self.auth {
                Some(_) => Err("it is not configured any more; restart the server".into()),
                None => Ok(false),
            };
        };
        handle.reload_auth(auth.clone(), places)?;
        warn_of_open_doors(&settings);
        (self.settings, self.auth) = (settings, Some(auth));
        Ok(true)
    }

    #[cfg(not(feature = "auth"))]
    fn load_identity(&mut self, _: &Handle, _: Result<Settings, ConfigError>) {}
}

/// Logs each line of an error.
fn log_lines(what: &str, err: &str) {
    for line in err.lines() {
        log::error!("{what} in use: {line}");
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
