//! tokio-tungstenite, after its examples `server` and `echo-server`: a task for each connection,
//! and for each subscriber an unbounded channel that is forwarded to its socket.
//!
//! Usage: tungstenite 127.0.0.1:0 [--small-buffers]

use std::collections::HashMap;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::{self, ready};
use futures_util::{StreamExt, TryStreamExt};
use peers::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

type Peers = HashMap<SocketAddr, UnboundedSender<Message>>;
type Topics = Arc<Mutex<HashMap<String, Peers>>>;

/// What the documentation of the buffers names for many connections, in bytes.
const SMALL: usize = 4096;

fn main() -> io::Result<()> {
    let has_small = env::args().nth(2).as_deref() == Some("--small-buffers");
    let small = || {
        WebSocketConfig::default()
            .read_buffer_size(SMALL)
            .write_buffer_size(SMALL)
    };
    peers::run(async |listener| serve(listener, has_small.then(small)).await)
}

async fn serve(listener: TcpListener, config: Option<WebSocketConfig>) -> io::Result<()> {
    let topics = Topics::default();
    loop {
        let (stream, addr) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let topics = Arc::clone(&topics);
        tokio::spawn(async move {
            // A failed connection does not affect others.
            drop(connection(topics, stream, addr, config).await);
        });
    }
}

async fn connection(
    topics: Topics,
    stream: TcpStream,
    addr: SocketAddr,
    config: Option<WebSocketConfig>,
) -> Result<(), Error> {
    let mut role = None;
    #[expect(clippy::result_large_err, reason = "the crate's callback")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        role = Role::of(request.uri().path());
        Ok(response)
    };
    let socket = accept_hdr_async_with_config(stream, look, config).await?;
    match role {
        Some(Role::Echo) => echo(socket).await,
        Some(role) => talk(&topics, socket, addr, role).await,
        None => Ok(()),
    }
}

async fn echo(socket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    let (outgoing, incoming) = socket.split();
    incoming
        .try_filter(|message| ready(is_payload(message)))
        .forward(outgoing)
        .await
}

async fn talk(
    topics: &Topics,
    socket: WebSocketStream<TcpStream>,
    addr: SocketAddr,
    role: Role,
) -> Result<(), Error> {
    let Role::Topic {
        name,
        subscribes,
        publishes,
    } = role
    else {
        return Ok(());
    };
    let (to_socket, messages) = unbounded();
    if subscribes {
        let mut topics = lock(topics);
        let peers = topics.entry(name.clone()).or_default();
        peers.insert(addr, to_socket.clone());
    }
    let (outgoing, incoming) = socket.split();
    let publish = incoming.try_for_each(|message| {
        if publishes && is_payload(&message) {
            let topics = lock(topics);
            for peer in topics.get(&name).into_iter().flat_map(HashMap::values) {
                // A connection that is just ending does not need it.
                drop(peer.unbounded_send(message.clone()));
            }
        }
        ready(Ok(()))
    });
    let deliver = messages.map(Ok).forward(outgoing);
    let (result, _) = future::select(publish, deliver).await.factor_first();
    if subscribes {
        let mut topics = lock(topics);
        if let Some(peers) = topics.get_mut(&name) {
            peers.remove(&addr);
            if peers.is_empty() {
                topics.remove(&name);
            }
        }
    }
    result
}

fn is_payload(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

fn lock(topics: &Topics) -> MutexGuard<'_, HashMap<String, Peers>> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}
