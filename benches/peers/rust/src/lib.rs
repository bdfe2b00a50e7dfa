//! What the servers have in common: where they listen, what a path means, channels by topic.

mod topics;

use std::env;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;

pub use crate::topics::{Membership, Topics};

/// What a connection does, by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// `/echo`: what comes goes back.
    Echo,
    /// `/sub/{topic}`, `/pub/{topic}` and `/ws/{topic}`, which is both.
    Topic {
        name: String,
        subscribes: bool,
        publishes: bool,
    },
}

/// Connections that wait to be accepted, listen(2).
const BACKLOG: u32 = 4096;

impl Role {
    /// What a path means, if anything.
    pub fn of(path: &str) -> Option<Self> {
        if path == "/echo" {
            return Some(Self::Echo);
        }
        let (kind, name) = path.strip_prefix('/')?.split_once('/')?;
        let (subscribes, publishes) = match kind {
            "sub" => (true, false),
            "pub" => (false, true),
            "ws" => (true, true),
            _ => return None,
        };
        Some(Self::Topic {
            name: name.to_owned(),
            subscribes,
            publishes,
        })
    }
}

/// Runs a server on this thread alone, on the address of the first argument, and says where it
/// listens.
///
/// # Errors
///
/// The address is wrong or taken, or what the server says.
pub fn run(server: impl AsyncFnOnce(TcpListener) -> io::Result<()>) -> io::Result<()> {
    let wrong = || io::Error::other("the first argument is where to listen: 127.0.0.1:0");
    let addr = env::args().nth(1).and_then(|arg| arg.parse().ok());
    let addr: SocketAddr = addr.ok_or_else(wrong)?;
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(addr)?;
            let listener = socket.listen(BACKLOG)?;
            println!("listening http {}", listener.local_addr()?);
            server(listener).await
        })
}
