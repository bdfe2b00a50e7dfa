//! The `corecast` program: flags to a server, signals to its end.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use corecast::cli::{Cli, Serve};
use corecast::{Handle, Relay};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    let serve = Cli::parse().into_serve();
    let env = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(env).init();
    match run(&serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            log::error!("{err}");
            ExitCode::from(2)
        }
    }
}

fn run(serve: &Serve) -> io::Result<()> {
    let limit = corecast::sys::descriptors::raise_soft_limit()
        .inspect_err(|err| log::warn!("cannot raise the limit of open files: {err}"))
        .unwrap_or_else(|_| corecast::sys::descriptors::limit());
    let builder = serve.builder();
    let capacity = builder.capacity();
    match serve.max_connections() {
        Some(asked) if capacity < asked => log::warn!(
            "{asked} connections are more than {limit} open files per shard allow ({capacity}); \
             --shards {} would do",
            builder.shards_for(asked)
        ),
        _ => {}
    }
    // Before the shards start: there is no moment in which a signal kills them.
    let signals = Signals::new([SIGINT, SIGTERM])?;
    let server = builder.start(|_| Relay)?;
    for addr in server.http_addrs() {
        log::info!("listening http {addr}");
    }
    for addr in server.tcp_addrs() {
        log::info!("listening tcp {addr}");
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
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || drain_on_signal(signals, &handle))?;
    server.join()?;
    log::info!("stopped");
    Ok(())
}

fn drain_on_signal(mut signals: Signals, handle: &Handle) {
    let mut draining = false;
    for signal in signals.forever() {
        if draining {
            log::warn!("signal {signal} again: exiting at once");
            std::process::exit(1);
        }
        draining = true;
        log::info!("signal {signal}: draining; once more to exit at once");
        handle.drain();
    }
}
