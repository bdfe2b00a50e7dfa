//! Servers of the library, on ports that the kernel chooses; stopped when dropped.

use std::net::{Ipv4Addr, SocketAddr};

use corecast::{
    Admin, Counters, Error, Handle, Handler, Kind, Relay, Server, ServerBuilder, ShardId,
};

use crate::support::wait::in_a_while;

/// Any free port of the loopback interface.
pub(crate) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server that stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Running(Option<Server>);

/// A server with an HTTP port, and a TCP port on the topic `lobby`.
pub(crate) fn builder(shards: usize) -> ServerBuilder {
    // Not pinned: tests share the cores.
    let server = Server::builder().shards(shards).pin(false);
    server.http(ANY).tcp(ANY, "lobby")
}

/// Starts what the binary runs, or says why it cannot.
pub(crate) fn try_start(builder: ServerBuilder) -> Result<Server, Error> {
    try_with(builder, |_| Relay::default())
}

/// Boxes the application, so that the server is compiled once for all whose data have one type.
pub(crate) fn try_with<H: Handler>(
    builder: ServerBuilder,
    make: impl Fn(ShardId) -> H + Send + Clone + 'static,
) -> Result<Server, Error> {
    type Boxed<H> = Box<dyn Handler<Conn = <H as Handler>::Conn, Answer = <H as Handler>::Answer>>;
    builder.start(move |shard| -> Boxed<H> { Box::new(make(shard)) })
}

impl Running {
    /// Starts what the binary runs.
    pub(crate) fn start(builder: ServerBuilder) -> Self {
        Self::with(builder, |_| Relay::default())
    }

    /// Starts an application.
    pub(crate) fn with<H: Handler>(
        builder: ServerBuilder,
        make: impl Fn(ShardId) -> H + Send + Clone + 'static,
    ) -> Self {
        Self(Some(try_with(builder, make).unwrap()))
    }

    fn server(&self) -> &Server {
        self.0.as_ref().expect("runs until it is dropped")
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.server().http_addrs()[0]
    }

    pub(crate) fn tcp(&self) -> SocketAddr {
        self.server().tcp_addrs()[0]
    }

    pub(crate) fn http_addrs(&self) -> &[SocketAddr] {
        self.server().http_addrs()
    }

    pub(crate) fn tcp_addrs(&self) -> &[SocketAddr] {
        self.server().tcp_addrs()
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.server().handle()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.handle().counters()
    }

    /// Publishes, and waits for space if there is none.
    pub(crate) fn publish(&self, topic: &str, kind: Kind, payload: &[u8]) {
        self.handle()
            .publish_deadline(topic, kind, payload, in_a_while())
            .unwrap();
    }

    /// Waits for a drained server's end.
    pub(crate) fn join(mut self) {
        if let Some(server) = self.0.take() {
            server.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = self.0.take() {
            server.handle().stop();
            let joined = server.join();
            assert!(joined.is_ok() || std::thread::panicking(), "{joined:?}");
        }
    }
}

/// Opens the admin port of a server.
pub(crate) fn serve_admin(server: &Running) -> SocketAddr {
    serve_admin_as(server, |admin| admin)
}

/// The same with other settings of the port.
pub(crate) fn serve_admin_as(server: &Running, set: impl FnOnce(Admin) -> Admin) -> SocketAddr {
    let admin = Admin::bind(ANY).unwrap();
    let addr = admin.addr();
    set(admin).serve(server.handle().clone()).unwrap();
    addr
}
