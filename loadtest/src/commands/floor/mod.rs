//! The yardstick servers: what no server with one thread and one send per delivery can beat.

mod backlog;
mod calls;
mod members;
mod publish;
mod sockets;
mod wire;

use std::io::{self, Write};
use std::mem;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use clap::{Args, ValueEnum};
use corecast::sys::deferred::defer_accept;
use corecast::sys::descriptors;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use socket2::{Domain, Socket, TcpKeepalive, Type};

use crate::commands::floor::calls::{Calls, Inline, Libc, Received};
use crate::commands::floor::publish::Topic;
use crate::commands::floor::sockets::Sockets;
use crate::commands::floor::wire::{Inbound, Role};
use crate::url::Protocol;

/// A yardstick server: an array of descriptors and a loop of send, or a bare echo.
///
/// One thread, one topic whatever the path. /pub/... does not receive, /sub/... and /ws/... do;
/// TCP connections do both. Prints `listening http ADDR`, `listening tcp ADDR` and `pid PID` on
/// stdout. Ends on SIGTERM.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest floor --http 127.0.0.1:0 --mode fanout --call inline")]
pub(crate) struct FloorArgs {
    /// Address for WebSocket; port 0 takes a free one.
    #[arg(long, required_unless_present = "tcp")]
    http: Option<SocketAddrV4>,
    /// Address for length-prefixed TCP; port 0 takes a free one.
    #[arg(long)]
    tcp: Option<SocketAddrV4>,
    /// What it does.
    #[arg(long, value_enum, default_value_t = FloorMode::Fanout)]
    mode: FloorMode,
    /// How send is called.
    #[arg(long, value_enum, default_value_t = Call::Inline)]
    call: Call,
    /// Accepts WebSocket connections only once their request has come, tcp(7) `TCP_DEFER_ACCEPT`.
    #[arg(long)]
    defer_accept: bool,
    /// TCP connections publish and do not receive.
    #[arg(long)]
    tcp_publish_only: bool,
}

/// What a floor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloorMode {
    /// One send per subscriber and message.
    Fanout,
    /// Read what is pending, then one send per subscriber of all of it.
    Batch,
    /// Send back what came.
    Echo,
}

/// How a floor calls send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Call {
    /// Through libc's function, as a C program does.
    Libc,
    /// The system call instruction in the loop itself.
    Inline,
}

struct Floor {
    epoll: OwnedFd,
    listeners: Vec<(Socket, Protocol)>,
    sockets: Sockets,
    /// By descriptor.
    conns: Vec<Option<Conn>>,
    topic: Topic,
    mode: FloorMode,
    tcp_role: Role,
    buf: Vec<u8>,
    reply: Vec<u8>,
    /// An accept failed, because there was no descriptor or no memory.
    is_starved: bool,
    /// And since then a connection has ended.
    is_retrying: bool,
}

struct Conn {
    protocol: Protocol,
    /// `None` until the upgrade.
    role: Option<Role>,
    /// The beginning of a frame or head whose rest has not arrived.
    partial: Vec<u8>,
}

/// As the server under test has them: options that a yardstick lacked would be its head start.
const NOTSENT_LOWAT_BYTES: u32 = 16 << 10;
const BACKLOG: i32 = 65_535;
const USER_TIMEOUT: Duration = Duration::from_secs(120);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;
const READ_BYTES: usize = 64 << 10;
const EVENTS: usize = 1024;
/// Added to the number of a listener when it is registered: beyond any descriptor.
const LISTENER: u64 = 1 << 40;

pub(crate) fn run(args: &FloorArgs) -> Result<(), String> {
    let served = match args.call {
        Call::Libc => Floor::new(args).and_then(Floor::serve::<Libc>),
        Call::Inline => Floor::new(args).and_then(Floor::serve::<Inline>),
    };
    served.map_err(|error| error.to_string())
}

impl Floor {
    fn new(args: &FloorArgs) -> io::Result<Self> {
        descriptors::raise_soft_limit()?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut listeners = Vec::new();
        let wanted = [
            (args.http, Protocol::WebSocket),
            (args.tcp, Protocol::LengthPrefix),
        ];
        for (addr, protocol) in wanted {
            let Some(addr) = addr else { continue };
            let listener = listen(addr, args.defer_accept && protocol == Protocol::WebSocket)
                .map_err(|error| io::Error::new(error.kind(), format!("{addr}: {error}")))?;
            let data = EventData::new_u64(LISTENER + listeners.len() as u64);
            // By edges: where no descriptor is free, one that waits must not be told of for ever.
            epoll::add(&epoll, &listener, data, EventFlags::IN | EventFlags::ET)?;
            listeners.push((listener, protocol));
        }
        announce(&listeners)?;
        Ok(Self {
            epoll,
            listeners,
            sockets: Sockets::default(),
            conns: Vec::new(),
            topic: Topic::new(args.mode == FloorMode::Batch),
            mode: args.mode,
            tcp_role: Role {
                subscribes: !args.tcp_publish_only,
                publishes: true,
            },
            buf: vec![0; READ_BYTES],
            reply: Vec::new(),
            is_starved: false,
            is_retrying: false,
        })
    }

    fn serve<C: Calls>(mut self) -> io::Result<()> {
        let mut events = vec![C::NO_EVENT; EVENTS];
        loop {
            let count = C::wait(self.epoll.as_fd(), &mut events);
            for event in &events[..count] {
                match C::data(event) {
                    data @ LISTENER.. => {
                        self.accept_all::<C>(usize::try_from(data - LISTENER).unwrap_or(0))?;
                    }
                    fd => self.on_ready::<C>(usize::try_from(fd).unwrap_or(usize::MAX)),
                }
            }
            self.topic.flush::<C>(&mut self.sockets);
            if mem::take(&mut self.is_retrying) {
                self.is_starved = false;
                for listener in 0..self.listeners.len() {
                    self.accept_all::<C>(listener)?;
                }
            }
        }
    }

    /// Accepts all connections that wait, or as many as there are descriptors for; the others wait
    /// until a connection ends.
    fn accept_all<C: Calls>(&mut self, listener: usize) -> io::Result<()> {
        while let Some((socket, protocol)) = self.listeners.get(listener) {
            let protocol = *protocol;
            match accept_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(fd) => self.admit::<C>(fd, protocol)?,
                Err(Errno::AGAIN) => break,
                // Of the connection that would have been accepted, accept(2).
                Err(Errno::CONNABORTED | Errno::PROTO | Errno::INTR) => {}
                Err(_) => {
                    self.is_starved = true;
                    break;
                }
            }
        }
        Ok(())
    }

    fn admit<C: Calls>(&mut self, fd: OwnedFd, protocol: Protocol) -> io::Result<()> {
        let index = self.sockets.add(fd);
        let Some(fd) = self.sockets.socket(index) else {
            return Ok(());
        };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, fd, EventData::new_u64(index as u64), flags)?;
        if self.conns.len() <= index {
            self.conns.resize_with(index + 1, || None);
        }
        let mut conn = Conn {
            protocol,
            role: None,
            partial: Vec::new(),
        };
        if protocol == Protocol::LengthPrefix {
            conn.role = Some(self.tcp_role);
            self.open::<C>(index, protocol, self.tcp_role, &[0; 4]);
        }
        self.conns[index] = Some(conn);
        Ok(())
    }

    /// Says the first word to a connection and lets it subscribe.
    fn open<C: Calls>(&mut self, index: usize, protocol: Protocol, role: Role, hello: &[u8]) {
        self.sockets.send_one::<C>(index, hello);
        if role.subscribes && self.mode != FloorMode::Echo {
            self.sockets.subscribe(index, protocol);
        }
    }

    #[inline]
    fn on_ready<C: Calls>(&mut self, index: usize) {
        self.sockets.unblock::<C>(index);
        while let Some(Some(conn)) = self.conns.get_mut(index) {
            let kept = conn.partial.len();
            if self.buf.len() < kept + READ_BYTES {
                self.buf.resize(kept + READ_BYTES, 0);
            }
            self.buf[..kept].copy_from_slice(&conn.partial);
            let Some(socket) = self.sockets.socket(index) else {
                return;
            };
            let space = self.buf.len() - kept;
            match C::recv(socket.as_fd(), &mut self.buf[kept..]) {
                Received::End => {
                    self.conns[index] = None;
                    self.is_retrying = self.is_starved;
                    return self.sockets.remove(index);
                }
                Received::Bytes(len) => {
                    conn.partial.clear();
                    self.handle::<C>(index, kept + len);
                    // What comes later is another edge, but the end may have come with these.
                    if len < space && self.mode == FloorMode::Echo {
                        return;
                    }
                }
                Received::Nothing => return,
            }
        }
    }

    /// Takes the first `len` bytes of the buffer apart.
    #[inline]
    fn handle<C: Calls>(&mut self, index: usize, len: usize) {
        let Some(Some(conn)) = self.conns.get_mut(index) else {
            return;
        };
        let protocol = conn.protocol;
        let mut at = 0;
        if conn.role.is_none() {
            let Some(upgrade) = wire::upgrade(&self.buf[..len]) else {
                return conn.partial.extend_from_slice(&self.buf[..len]);
            };
            conn.role = Some(upgrade.role);
            self.open::<C>(index, protocol, upgrade.role, &upgrade.response);
            at = upgrade.head_len;
        }
        let Self {
            conns,
            topic,
            buf,
            reply,
            mode,
            sockets,
            ..
        } = self;
        let Some(Some(conn)) = conns.get_mut(index) else {
            return;
        };
        let buf = &mut buf[..len];
        let publishes = conn.role.is_some_and(|role| role.publishes);
        while let Some(Inbound {
            is_message,
            payload,
            end,
        }) = wire::read(protocol, buf, at)
        {
            at = end;
            if is_message && *mode == FloorMode::Echo {
                wire::write(protocol, &buf[payload], reply);
            } else if is_message && publishes {
                topic.publish::<C>(sockets, &buf[payload]);
            }
        }
        conn.partial.extend_from_slice(&buf[at..]);
        if !reply.is_empty() {
            sockets.send_one::<C>(index, reply);
            reply.clear();
        }
    }
}

/// Accepted sockets inherit the options.
fn listen(addr: SocketAddrV4, deferred: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(NOTSENT_LOWAT_BYTES)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    if deferred {
        defer_accept(&socket, true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn announce(listeners: &[(Socket, Protocol)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (listener, protocol) in listeners {
        let name = match protocol {
            Protocol::WebSocket => "http",
            Protocol::LengthPrefix => "tcp",
        };
        if let Some(addr) = listener.local_addr()?.as_socket() {
            writeln!(out, "listening {name} {addr}")?;
        }
    }
    writeln!(out, "pid {}", std::process::id())?;
    out.flush()
}
