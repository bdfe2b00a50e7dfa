//! The `corecast` program: starts a server from its configuration and obeys signals.

#[path = "main/reload.rs"]
mod reload;
#[path = "main/service.rs"]
mod service;
#[path = "main/stop.rs"]
mod stop;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::io::{self, Write};
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;

use clap::Parser;
use corecast::admin::log_line::{LogLine, LogLines};
use corecast::admin::log_queue::LogQueue;
use corecast::backplane::BackplaneCounters;
use corecast::cli::{Cli, Next, Serve};
use corecast::doctor::{self, Host, Need, Severity};
use corecast::limits::LOG_PATIENCE;
use corecast::settings::{LogFormat, Settings};
use corecast::sys::service::journal;
use corecast::sys::startup::while_starting;
use corecast::{Admin, Relay, ServerBuilder};
use env_logger::Target;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::reload::{Running, log_from, reloader, warn_of_open_doors};
use crate::service::Manager;
use crate::stop::{Stop, StopTimes};

fn main() -> ExitCode {
    corecast::sys::memory::join_small_blocks();
    let serve = match Cli::parse().into_command().run(&mut io::stdout()) {
        Ok(Next::Serve(serve)) => serve,
        Ok(Next::Exit(code)) => return ExitCode::from(code),
        Err(failure) => {
            tell(&failure);
            return ExitCode::from(failure.code());
        }
    };
    let settings = serve.checked_settings().map_err(|err| tell(&err));
    let served = settings.and_then(|settings| serve_by(*serve, settings));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(()) => ExitCode::from(2),
    }
}

/// Writes an error to standard error before the log exists.
fn tell(err: &impl Display) {
    // If standard error is closed, there is no other place to report it.
    let _closed = writeln!(io::stderr(), "{err}");
}

fn serve_by(serve: Serve, settings: Settings) -> Result<(), ()> {
    let log = LogQueue::start(io::stderr())
        .map_err(|err| tell(&while_starting("cannot start the log thread", &err)))?;
    let lines = LogLines {
        is_json: settings.log.format == LogFormat::Json,
        is_journal: journal::reads_stderr(),
    };
    log.set_shape(lines);
    start_log(&log, lines);
    log_from(settings.log.level);
    panics_to(log.clone());
    let served = run(serve, settings, &log).map_err(|err| {
        log::error!("{err}");
        // A failed start is reported at every log level.
        if !log::log_enabled!(log::Level::Error) {
            log.tell(&format!("corecast: {err}"));
        }
    });
    log.flush(LOG_PATIENCE);
    served
}

/// The level is the log's own (`log_from`), so that it can be changed at any time.
fn start_log(log: &LogQueue, lines: LogLines) {
    let env = env_logger::Env::default().default_filter_or("debug");
    let mut builder = env_logger::Builder::from_env(env);
    builder.format(move |out, record| {
        let line = LogLine {
            time: &out.timestamp_seconds().to_string(),
            level: record.level(),
            target: record.target(),
            message: &record.args().to_string(),
        };
        writeln!(out, "{}", lines.line(line))
    });
    builder.target(Target::Pipe(Box::new(log.clone()))).init();
}

/// Sends panics to the log's thread, at every level: the reader of standard error may have stalled,
/// and a shard that panics must not wait for it.
fn panics_to(log: LogQueue) {
    panic::set_hook(Box::new(move |info| {
        let backtrace = Backtrace::capture();
        let thread = thread::current();
        let name = thread.name().unwrap_or("?").to_owned();
        let text = format!("thread {name} {info}");
        let told = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        let lines = text
            .lines()
            .chain(told.iter().flat_map(|told| told.lines()));
        lines.for_each(|line| log.tell(line));
    }));
}

fn run(serve: Serve, settings: Settings, log: &LogQueue) -> io::Result<()> {
    if let Err(err) = corecast::sys::descriptors::raise_soft_limit() {
        log::warn!("cannot raise the limit of open files: {err}");
    }
    let builder = settings.builder();
    let (builder, counters) = with_backplane(builder, &settings);
    let capacity = builder.capacity();
    warn_of_limits(&settings);
    // Before the shards start, so that no signal can kill them.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let signals = signals.map_err(|err| while_starting("cannot register signal handlers", &err))?;
    let admin = settings.admin.address.map(Admin::bind).transpose();
    let admin = admin.map_err(|err| {
        let key = settings.name("admin.address");
        io::Error::new(err.kind(), format!("{key}: {err}"))
    })?;
    let identity = settings.identity(None)?;
    let auth = identity.as_ref().map(|(auth, _)| auth.clone());
    let builder = match identity {
        Some((auth, places)) => builder.auth(auth, places),
        None => builder,
    };
    let (relay, renewer) = Relay::renewable(settings.relay());
    warn_of_open_doors(&settings);
    let server = builder.start(move |_| relay.clone());
    let server = server.map_err(|err| settings.explain(err.into()))?;
    for place in settings.places(&server) {
        log::info!("listening {place}");
    }
    let stop = Stop {
        handle: server.handle().clone(),
        log: log.clone(),
        times: StopTimes::of(&settings),
        manager: Manager::of_environment(),
        has_begun: Arc::default(),
    };
    if let Some(admin) = admin {
        log::info!("listening admin {}", admin.addr());
        let admin = admin.log(log.clone()).backplane(counters);
        serve_admin(admin, &settings, &stop)?;
    }
    let most = if capacity == usize::MAX {
        "any number of".to_owned()
    } else {
        capacity.to_string()
    };
    log::info!(
        "ready: {} shards, at most {most} connections",
        server.shards()
    );
    let handle = server.handle().clone();
    let running = Running {
        serve,
        started: settings.clone(),
        settings,
        auth,
        relay: renewer,
        stop: stop.times.clone(),
        manager: stop.manager.clone(),
    };
    let manager = stop.manager.clone();
    manager.watch(handle.clone())?;
    let reload = reloader(handle, running)?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || obey(signals, &reload, &stop))
        .map_err(|err| while_starting("cannot start the signal thread", &err))?;
    manager.ready();
    server.join()?;
    log::info!("stopped");
    Ok(())
}

/// The same with what shares topics with other servers, if it is configured, and what that counts.
fn with_backplane(
    builder: ServerBuilder,
    settings: &Settings,
) -> (ServerBuilder, Arc<BackplaneCounters>) {
    match settings.backplane() {
        Some(backplane) => {
            let counters = backplane.counters();
            (builder.backplane(backplane), counters)
        }
        None => (builder, Arc::default()),
    }
}

/// Serves operators, whose request to drain does what SIGTERM does.
fn serve_admin(admin: Admin, settings: &Settings, stop: &Stop) -> io::Result<()> {
    let admin = match settings.admin.token() {
        Some(token) => admin.token(token),
        None => admin,
    };
    let drains = stop.clone();
    let admin = admin
        .open_metrics(settings.admin.open_metrics)
        .on_drain(move || drains.begin());
    admin.serve(stop.handle.clone())
}

/// Warns of what stands in the way of the configured number of connections.
fn warn_of_limits(settings: &Settings) {
    let Some(connections) = settings.connections else {
        return;
    };
    let name = settings.name("limits.connections");
    let host = Host::read(Path::new("/"));
    let found = doctor::examine(&host, &Need::of(settings));
    let faults = found
        .iter()
        .filter(|found| found.severity == Some(Severity::Fault));
    for fault in faults {
        let line = doctor::report::line(fault);
        log::warn!("{name}: {connections} connections are set, but {line}");
    }
}

/// SIGHUP loads again what can be replaced; the other signals drain, then exit.
fn obey(mut signals: Signals, reload: &SyncSender<()>, stop: &Stop) {
    let mut draining = false;
    for signal in signals.forever() {
        if signal == SIGHUP {
            // If one reload is already queued, it will read the files as they are now.
            let _waits = reload.try_send(());
            continue;
        }
        if draining {
            log::warn!("signal {signal} again: exiting at once");
            stop.log.flush(LOG_PATIENCE);
            std::process::exit(1);
        }
        draining = true;
        log::info!("signal {signal}: draining; send it again to exit at once");
        stop.begin();
    }
}
