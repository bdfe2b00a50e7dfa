//! The `corecast` program: a configuration to a server, signals to its end.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use corecast::cli::{Cli, Command};
use corecast::limits::LOG_PATIENCE;
use corecast::log_queue::LogQueue;
use corecast::settings::{Settings, Tables};
use corecast::sys::startup::while_starting;
use corecast::{Admin, Handle};
use env_logger::Target;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    let served = match Cli::parse().into_command() {
        Command::Config { command } => command.run(&mut io::stdout()).map_err(|err| tell(&err)),
        Command::Serve(serve) => serve
            .checked_settings()
            .map_err(|err| tell(&err))
            .and_then(|settings| serve_by(&settings)),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(()) => ExitCode::from(2),
    }
}

/// Tells what is wrong before there is a log.
fn tell(err: &impl Display) {
    // Where standard error is closed nobody wants to know.
    let _closed = writeln!(io::stderr(), "{err}");
}

fn serve_by(settings: &Settings) -> Result<(), ()> {
    let log = LogQueue::start(io::stderr())
        .map_err(|err| tell(&while_starting("cannot start the thread of the log", &err)))?;
    let env = env_logger::Env::default().default_filter_or(settings.level.word());
    env_logger::Builder::from_env(env)
        .target(Target::Pipe(Box::new(log.clone())))
        .init();
    panics_to(log.clone());
    let served = run(settings, &log).map_err(|err| {
        log::error!("{err}");
        // A program that fails says why, at every level.
        if !log::log_enabled!(log::Level::Error) {
            log.put(format!("corecast: {err}").as_bytes());
        }
    });
    log.flush(LOG_PATIENCE);
    served
}

/// Panics are told by the log's thread as well, at every level: the reader of standard error may
/// have stalled, and a shard that panics has to end.
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
        lines.for_each(|line| log.put(line.as_bytes()));
    }));
}

fn run(settings: &Settings, log: &LogQueue) -> io::Result<()> {
    let limit = corecast::sys::descriptors::raise_soft_limit()
        .inspect_err(|err| log::warn!("cannot raise the limit of open files: {err}"))
        .unwrap_or_else(|_| corecast::sys::descriptors::limit());
    let builder = settings.builder();
    let capacity = builder.capacity();
    match settings.connections {
        Some(asked) if capacity < asked => {
            let remedy = match builder.shards_for(asked) {
                Some(shards) => format!("--shards {shards} would do"),
                None => format!(
                    "a limit of {} would do (`ulimit -n`, LimitNOFILE= of systemd, the sysctl \
                     fs.nr_open), or ask for fewer",
                    builder.open_files_for(asked)
                ),
            };
            let tables = match settings.tables {
                Tables::Own => "per shard",
                Tables::Shared => "for all shards together",
            };
            log::warn!(
                "{}: {asked} connections are more than {limit} open files {tables} allow \
                 ({capacity}); {remedy}",
                settings.name("limits.connections")
            );
        }
        _ => {}
    }
    // Before the shards start: there is no moment in which a signal kills them.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let signals = signals.map_err(|err| while_starting("cannot take signals", &err))?;
    let admin = settings.admin.map(Admin::bind).transpose();
    let admin = admin.map_err(|err| {
        let key = settings.name("admin.address");
        io::Error::new(err.kind(), format!("{key}: {err}"))
    })?;
    let relay = settings.relay();
    let server = builder.start(move |_| relay.clone());
    let server = server.map_err(|err| settings.explain(err.into()))?;
    for place in settings.places(&server) {
        log::info!("listening {place}");
    }
    if let Some(admin) = admin {
        log::info!("listening admin {}", admin.addr());
        admin.log(log.clone()).serve(server.handle().clone())?;
    }
    let room = if capacity == usize::MAX {
        "any number of".to_owned()
    } else {
        capacity.to_string()
    };
    log::info!(
        "ready: {} shards, room for {room} connections",
        server.shards()
    );
    let handle = server.handle().clone();
    let drain_listen = settings.drain_listen.unwrap_or_default();
    let reload = reloader(handle.clone())?;
    let log = log.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || obey(signals, &handle, &reload, &log, drain_listen))
        .map_err(|err| while_starting("cannot start the thread of signals", &err))?;
    server.join()?;
    log::info!("stopped");
    Ok(())
}

/// SIGHUP loads the files of TLS again; the others drain, then exit.
fn obey(
    mut signals: Signals,
    handle: &Handle,
    reload: &SyncSender<()>,
    log: &LogQueue,
    drain_listen: Duration,
) {
    let mut draining = false;
    for signal in signals.forever() {
        if signal == SIGHUP {
            // Where one waits to begin, it will see what there is now.
            let _waits = reload.try_send(());
            continue;
        }
        if draining {
            log::warn!("signal {signal} again: exiting at once");
            log.flush(LOG_PATIENCE);
            std::process::exit(1);
        }
        draining = true;
        log::info!("signal {signal}: draining; once more to exit at once");
        handle.announce_drain();
        drain_after(handle.clone(), drain_listen);
    }
}

/// Drains later, by a thread of its own: a second signal is obeyed meanwhile.
fn drain_after(handle: Handle, wait: Duration) {
    let drains = handle.clone();
    let later = thread::Builder::new().name("drain".to_owned());
    let spawned = later.spawn(move || {
        #[expect(
            clippy::disallowed_methods,
            reason = "this thread has nothing else to do"
        )]
        thread::sleep(wait);
        drains.drain();
    });
    if spawned.is_err() {
        handle.drain();
    }
}

/// Whoever sends there has the files of TLS loaded again, by a thread of its own: a file that is
/// slow to come, over a network perhaps, holds up no other signal.
fn reloader(handle: Handle) -> io::Result<SyncSender<()>> {
    let (reload, asked) = sync_channel(1);
    thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || asked.iter().for_each(|()| load_again(&handle)))
        .map_err(|err| while_starting("cannot start the thread of reloads", &err))?;
    Ok(reload)
}

#[cfg(feature = "tls")]
fn load_again(handle: &Handle) {
    match handle.reload_tls() {
        Ok(()) => log::info!("certificates loaded again"),
        Err(err) => log::error!("certificates stay as they are: {err}"),
    }
}

#[cfg(not(feature = "tls"))]
fn load_again(_handle: &Handle) {
    log::warn!("there are no certificates to load: this program is built without TLS");
}
