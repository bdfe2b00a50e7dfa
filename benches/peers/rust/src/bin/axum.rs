//! axum with its WebSockets and tokio's broadcast channel, after its example `chat`.
//!
//! Usage: axum 127.0.0.1:0

use std::io;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use peers::Membership;
use tokio::net::TcpListener;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

type Topics = peers::Topics<Message>;

fn main() -> io::Result<()> {
    peers::run(serve)
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let app = Router::new()
        .route(
            "/echo",
            get(async |ws: WebSocketUpgrade| ws.on_upgrade(echo)),
        )
        .route("/sub/{topic}", get(subscribe))
        .route("/pub/{topic}", get(publish))
        .route("/ws/{topic}", get(both))
        .with_state(Topics::default());
    // As the documentation of `ListenerExt` has it.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app).await
}

async fn subscribe(
    ws: WebSocketUpgrade,
    Path(topic): Path<String>,
    State(topics): State<Topics>,
) -> Response {
    connect(ws, topics.join(&topic), true, false)
}

async fn publish(
    ws: WebSocketUpgrade,
    Path(topic): Path<String>,
    State(topics): State<Topics>,
) -> Response {
    connect(ws, topics.join(&topic), false, true)
}

async fn both(
    ws: WebSocketUpgrade,
    Path(topic): Path<String>,
    State(topics): State<Topics>,
) -> Response {
    connect(ws, topics.join(&topic), true, true)
}

fn connect(
    ws: WebSocketUpgrade,
    topic: Membership<Message>,
    subscribes: bool,
    publishes: bool,
) -> Response {
    let messages = subscribes.then(|| topic.subscribe());
    ws.on_upgrade(move |socket| talk(socket, topic, messages, publishes))
}

/// As the example has it: a task for each direction, and the end of one ends the other.
async fn talk(
    socket: WebSocket,
    topic: Membership<Message>,
    messages: Option<Receiver<Message>>,
    publishes: bool,
) {
    let (outgoing, incoming) = socket.split();
    let mut read = tokio::spawn(read(incoming, topic, publishes));
    let Some(messages) = messages else {
        drop(read.await);
        return;
    };
    let mut deliver = tokio::spawn(deliver(messages, outgoing));
    tokio::select! {
        _ = &mut read => deliver.abort(),
        _ = &mut deliver => read.abort(),
    }
}

async fn read(mut incoming: SplitStream<WebSocket>, topic: Membership<Message>, publishes: bool) {
    while let Some(Ok(message)) = incoming.next().await {
        if publishes && is_payload(&message) {
            topic.publish(message);
        }
    }
}

async fn deliver(mut messages: Receiver<Message>, mut outgoing: SplitSink<WebSocket, Message>) {
    loop {
        match messages.recv().await {
            Ok(message) => {
                if outgoing.send(message).await.is_err() {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if is_payload(&message) && socket.send(message).await.is_err() {
            return;
        }
    }
}

fn is_payload(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
