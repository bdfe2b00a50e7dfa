//! Support for the examples: flags, addresses in the log, and the end on Ctrl-C.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use clap::Args;
use corecast::{Server, ServerBuilder};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// The flags of every example.
#[derive(Args, Debug)]
pub(crate) struct Flags {
    /// Address for pages and WebSocket; port 0 takes a free one and logs it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Address for length-prefixed TCP
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    tcp: SocketAddr,
    /// Threads, each with its own event loop [default: cores]
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
}

impl Flags {
    /// A server on these addresses; connections to the TCP port use `tcp_topic`. It also starts the
    /// log, so that messages of starting shards are in it.
    pub(crate) fn server(&self, tcp_topic: &str) -> ServerBuilder {
        let env = env_logger::Env::default().default_filter_or("info");
        env_logger::Builder::from_env(env).init();
        let builder = Server::builder().http(self.http).tcp(self.tcp, tcp_topic);
        match self.shards {
            Some(shards) => builder.shards(shards),
            None => builder,
        }
    }
}

/// Logs the addresses and waits for the end. Ctrl-C delivers what was published, closes all
/// connections and stops; a second one stops at once.
pub(crate) fn run(server: Server) -> Result<(), corecast::Error> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds `false`, and sets it for the second.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    for addr in server.http_addrs() {
        log::info!("open http://{addr}/");
    }
    for addr in server.tcp_addrs() {
        log::info!("listening tcp {addr}");
    }
    let handle = server.handle().clone();
    thread::spawn(move || signals.forever().for_each(|_| handle.drain()));
    server.join()
}
