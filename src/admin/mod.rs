//! The admin port: a dashboard, metrics, health and the API, on a thread of its own.
//!
//! It reads the copies of the shards' counters, and asks shards over lanes. A slow or silent
//! client does not delay others: its connection lasts a few seconds, or less if many more connect.

mod access;
mod answer;
mod api;
mod event_loop;
mod exchange;
mod format;
mod gauges;
mod health;
pub mod log_line;
pub mod log_queue;
mod metrics;
mod page;

use core::net::SocketAddr;
use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use crate::admin::access::Access;
use crate::admin::answer::Answers;
use crate::admin::api::Drain;
use crate::admin::event_loop::EventLoop;
use crate::admin::health::Health;
#[doc(hidden)]
pub use crate::admin::health::Watch;
use crate::admin::log_queue::LogQueue;
use crate::backplane::BackplaneCounters;
use crate::net::{listener, remedy};
use crate::server::handle::Handle;
use crate::sys::signals;
use crate::sys::startup::while_starting;

/// A port for operators. `/metrics` has the text format of Prometheus or OpenMetrics, as `Accept`
/// prefers. `/livez` answers 503 while a shard is stuck. `/readyz` answers 503 in that case, and
/// from the announcement of a drain. The port is free for the next server when the draining server
/// closes its connections.
///
/// Below `/admin/` it lists connections, topics and slow consumers as JSON, disconnects, drains,
/// and sets the level of the log (docs/ADMIN.md). On an address that others reach, set a
/// [`token`](Self::token).
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
pub struct Admin {
    listener: TcpListener,
    addr: SocketAddr,
    log: Option<LogQueue>,
    backplane: Arc<BackplaneCounters>,
    token: Option<String>,
    open_metrics: bool,
    drain: Option<Drain>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Admin {
    /// Binds the port; 0 takes a free port. Connections made before [`serve`](Self::serve) wait.
    ///
    /// # Errors
    ///
    /// The address is in use, belongs to another host, or may not be bound; the message names it.
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
        Ok(Self {
            listener,
            addr,
            log: None,
            backplane: Arc::default(),
            token: None,
            open_metrics: true,
            drain: None,
        })
    }

    /// Adds the lines that this log loses to the metrics.
    #[doc(hidden)]
    #[must_use]
    pub fn log(mut self, log: LogQueue) -> Self {
        self.log = Some(log);
        self
    }

    /// Adds what a backplane has done to the metrics.
    #[doc(hidden)]
    #[must_use]
    pub fn backplane(mut self, counters: Arc<BackplaneCounters>) -> Self {
        self.backplane = counters;
        self
    }

    /// Wants this token for all but health: `Authorization: Bearer`. Without one, requests below
    /// `/admin/` must name an IP address or `localhost` as their host, and everything that reaches
    /// the port may do everything.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Whether `/metrics` needs no token, for scrapers without one. By default it needs none.
    #[must_use]
    pub fn open_metrics(mut self, open_metrics: bool) -> Self {
        self.open_metrics = open_metrics;
        self
    }

    /// Calls this for `POST /admin/drain`, on the thread of the port; it must not wait. By default
    /// that is [`Handle::drain`].
    #[must_use]
    pub fn on_drain(mut self, drain: impl FnMut() + Send + 'static) -> Self {
        self.drain = Some(Box::new(drain));
        self
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers requests on a thread of its own until a moment after the server has stopped.
    ///
    /// # Errors
    ///
    /// There are no threads or descriptors left.
    pub fn serve(self, handle: Handle) -> io::Result<()> {
        let failed = |err| while_starting("cannot start the thread of the admin port", &err);
        let drains = handle.clone();
        let drain = self
            .drain
            .unwrap_or_else(|| Box::new(move || drains.drain()));
        let answers = Answers {
            handle,
            health: Health::default(),
            access: Access::new(self.token, self.open_metrics),
            drain,
            log: self.log,
            backplane: self.backplane,
        };
        let event_loop = EventLoop::new(self.listener, answers).map_err(failed)?;
        let thread = thread::Builder::new().name("admin".to_owned());
        let started = thread.spawn(move || {
            // Signals are for the thread of the program that handles them.
            signals::block_all();
            event_loop
                .run()
                .unwrap_or_else(|err| log::error!("the admin port is closed: {err}"));
        });
        started.map_err(failed)?;
        Ok(())
    }
}
