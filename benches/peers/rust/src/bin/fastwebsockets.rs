//! fastwebsockets, after its example `echo_server_split`: hyper for the handshake, a task for each
//! connection, and tokio's broadcast channel, which the crate has nothing to do with, for topics.
//!
//! Usage: fastwebsockets 127.0.0.1:0

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use fastwebsockets::upgrade::{self, UpgradeFut};
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError,
    WebSocketWrite,
};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use peers::{Membership, Role};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// A message and whether it is text or binary.
type Message = (OpCode, Bytes);
type Topics = peers::Topics<Message>;
type Stream = TokioIo<Upgraded>;
/// Shared by the tasks that deliver and that answer pings.
type Writer = Arc<Mutex<WebSocketWrite<WriteHalf<Stream>>>>;

fn main() -> io::Result<()> {
    peers::run(serve)
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let topics = Topics::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let topics = topics.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let topics = topics.clone();
                async move { upgrade(request, &topics) }
            });
            let http = http1::Builder::new();
            let served = http.serve_connection(TokioIo::new(stream), service);
            // A failed connection does not affect others.
            drop(served.with_upgrades().await);
        });
    }
}

fn upgrade(
    mut request: Request<Incoming>,
    topics: &Topics,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let role = Role::of(request.uri().path());
    let (response, upgraded) = upgrade::upgrade(&mut request)?;
    match role {
        Some(Role::Echo) => {
            tokio::spawn(echo(upgraded));
        }
        Some(Role::Topic {
            name,
            subscribes,
            publishes,
        }) => {
            let topic = topics.join(&name);
            let messages = subscribes.then(|| topic.subscribe());
            tokio::spawn(talk(upgraded, topic, messages, publishes));
        }
        None => {}
    }
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgraded.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn talk(
    upgraded: UpgradeFut,
    topic: Membership<Message>,
    messages: Option<Receiver<Message>>,
    publishes: bool,
) -> Result<(), WebSocketError> {
    let (incoming, outgoing) = upgraded.await?.split(tokio::io::split);
    let incoming = FragmentCollectorRead::new(incoming);
    let outgoing = Arc::new(Mutex::new(outgoing));
    let publish = publish(incoming, Arc::clone(&outgoing), &topic, publishes);
    match messages {
        Some(messages) => tokio::select! {
            result = publish => result,
            result = deliver(messages, outgoing) => result,
        },
        None => publish.await,
    }
}

async fn publish(
    mut incoming: FragmentCollectorRead<ReadHalf<Stream>>,
    outgoing: Writer,
    topic: &Membership<Message>,
    publishes: bool,
) -> Result<(), WebSocketError> {
    // Pongs and the answer to a close.
    let mut answer = |frame| {
        let outgoing = Arc::clone(&outgoing);
        async move { outgoing.lock().await.write_frame(frame).await }
    };
    loop {
        let frame = incoming.read_frame(&mut answer).await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary if publishes => {
                topic.publish((frame.opcode, Bytes::copy_from_slice(&frame.payload)));
            }
            _ => {}
        }
    }
}

async fn deliver(mut messages: Receiver<Message>, outgoing: Writer) -> Result<(), WebSocketError> {
    loop {
        match messages.recv().await {
            Ok((opcode, payload)) => {
                let frame = Frame::new(true, opcode, None, Payload::Borrowed(&payload));
                outgoing.lock().await.write_frame(frame).await?;
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
