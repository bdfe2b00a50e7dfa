//! The admin port: metrics and health, by a thread of its own.
//!
//! It shares nothing with the shards but the copies of their counters, and their doorbells. A
//! client that asks slowly, or never, holds up nobody else: it has a connection for a few seconds,
//! and less if many more come.

mod answer;
mod event_loop;
mod exchange;
mod format;
mod gauges;
mod health;
mod metrics;

use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;
use std::thread;

use crate::admin::event_loop::EventLoop;
use crate::handle::Handle;
use crate::log_queue::LogQueue;
use crate::net::{listener, remedy};
use crate::sys::signals;
use crate::sys::startup::while_starting;

/// A port for operators: `/metrics` in the text format of Prometheus or of OpenMetrics, whichever
/// `Accept` prefers, `/livez`, which is 503 while a shard stands still, and `/readyz`, which is 503
/// from the announcement of a drain as well. When connections are closed, the port is free for the
/// server that follows.
///
/// Nobody is asked who they are: bind it to an address that only operators reach.
///
/// ```
/// use corecast::{Admin, Relay, Server};
///
/// let admin = Admin::bind("127.0.0.1:0".parse()?)?;
/// println!("http://{}/metrics", admin.addr());
/// let server = Server::builder().shards(1).start(|_shard| Relay::default())?;
/// admin.serve(server.handle().clone())?;
///
/// server.handle().drain();
/// server.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    addr: SocketAddr,
    log: Option<LogQueue>,
}

impl Admin {
    /// Takes the port; 0 takes a free one. Who connects before [`serve`](Self::serve) waits.
    ///
    /// # Errors
    ///
    /// The address is in use, is another host's, or may not be bound; the message names it.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let failed = |err: io::Error| {
            io::Error::new(
                err.kind(),
                format!(
                    "cannot listen on {addr} (admin): {err}{}",
                    remedy(addr, &err)
                ),
            )
        };
        let listener = listener::bind_admin(addr).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let log = None;
        Ok(Self {
            listener,
            addr,
            log,
        })
    }

    /// Counts the lines that this log loses among the metrics.
    #[doc(hidden)]
    #[must_use]
    pub fn log(mut self, log: LogQueue) -> Self {
        self.log = Some(log);
        self
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers, on a thread of its own, until a moment after the server has stopped.
    ///
    /// # Errors
    ///
    /// Out of threads or descriptors.
    pub fn serve(self, handle: Handle) -> io::Result<()> {
        let failed = |err| while_starting("cannot start the thread of the admin port", &err);
        let event_loop = EventLoop::new(self.listener, handle, self.log).map_err(failed)?;
        let thread = thread::Builder::new().name("admin".to_owned());
        let started = thread.spawn(move || {
            // They are for whoever has asked for them.
            signals::block_all();
            event_loop
                .run()
                .unwrap_or_else(|err| log::error!("the admin port is closed: {err}"));
        });
        started.map_err(failed)?;
        Ok(())
    }
}
