//! Before a run: one message goes through, or it is said what to do.
//!
//! This one look is taken with the client of the server's own package; the load and its checks know
//! nothing of it. As for them, every certificate will do.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use corecast::Kind;
use corecast::client::{Client, Event, Reason};

use crate::client::tls;
use crate::flags::ClientArgs;
use crate::run::leader::RunError;
use crate::url::{NUMBER_PLACE, Target};

/// The server does each step within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest message that may come meanwhile, on a topic that others use.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Bytes of a refusal that are shown.
const SAID_BYTES_MAX: usize = 200;
const MESSAGE: &[u8] = b"loadtest: preflight";
/// What to do about a server that listens and does not understand.
const PROTOCOL: &str = "is the protocol right? ws:// and tcp:// have ports of their own, with TLS \
     others; a listener for TCP that wants a token closes without one (--token)";

/// Sees that a connection becomes live.
pub(crate) fn connects(args: &ClientArgs, target: &Target) -> Result<(), RunError> {
    if args.no_preflight {
        return Ok(());
    }
    connect(args, target).map(drop)
}

/// Sees that a message published to one target arrives at the other.
pub(crate) fn delivers(args: &ClientArgs, to: &Target, from: &Target) -> Result<(), RunError> {
    if args.no_preflight {
        return Ok(());
    }
    if to.wire.is_some() {
        // That client does not speak it.
        return connect(args, from).map(drop);
    }
    let mut listener = connect(args, to)?;
    let mut other = (to != from).then(|| connect(args, from)).transpose()?;
    publish(other.as_mut().unwrap_or(&mut listener), from)?;
    receive(&mut listener, to, from)
}

fn connect(args: &ClientArgs, target: &Target) -> Result<Client, RunError> {
    let url = target.to_string().replace(NUMBER_PLACE, "0");
    let wrong = |error: &dyn ToString| failed(target, &error.to_string(), "");
    let mut builder = Client::builder(&url).map_err(|error| wrong(&error))?;
    let token = args.tokens.tokens()?.of(0);
    let has_token = token.is_some();
    if let Some(token) = token {
        builder = builder.token(&*token);
    }
    if target.tls {
        let config = tls::config().map_err(|error| wrong(&error))?;
        builder = builder.tls_config(config);
    }
    let client = builder
        .reconnect(false)
        .connect_timeout(PATIENCE)
        .handshake_timeout(PATIENCE)
        .message_bytes_max(MESSAGE_BYTES_MAX)
        .connect();
    let mut client = client.map_err(|error| wrong(&error))?;
    match client.recv(deadline()) {
        Ok(Event::Connected { .. }) => Ok(client),
        Ok(Event::Disconnected { reason, .. }) => {
            Err(failed(target, &told(&reason), remedy(&reason, has_token)))
        }
        Ok(_) => Err(failed(target, "a message came before anything else", "")),
        Err(error) => Err(failed(target, &error.to_string(), "is the server busy?")),
    }
}

fn publish(client: &mut Client, to: &Target) -> Result<(), RunError> {
    let sent = client.send(Kind::Binary, MESSAGE, deadline());
    sent.map_err(|error| failed(to, &format!("a message was not taken: {error}"), ""))
}

fn receive(client: &mut Client, to: &Target, from: &Target) -> Result<(), RunError> {
    let deadline = deadline();
    loop {
        match client.recv(deadline) {
            Ok(Event::Message { payload, .. }) if payload == MESSAGE => return Ok(()),
            Ok(Event::Message { .. } | Event::Connected { .. }) => {}
            Ok(Event::Disconnected { reason, .. }) => {
                return Err(failed(to, &told(&reason), remedy(&reason, true)));
            }
            _ => {
                let what = format!("a message published to {from} did not arrive");
                let remedy = "do both lead to one topic, and does the one publish and the other \
                              subscribe? See --url and --publish-url";
                return Err(failed(to, &what, remedy));
            }
        }
    }
}

/// A reason with what the server said to it.
fn told(reason: &Reason) -> String {
    let Reason::Refused { body, .. } = reason else {
        return reason.to_string();
    };
    let said = String::from_utf8_lossy(&body[..body.len().min(SAID_BYTES_MAX)]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match said.is_empty() || said.contains('<') {
        true => reason.to_string(),
        false => format!("{reason} ({said})"),
    }
}

fn remedy(reason: &Reason, has_token: bool) -> &'static str {
    match reason {
        Reason::Refused { status: 401, .. } if has_token => {
            "the token is not accepted: `corecast token check` says why, with the server's \
             configuration"
        }
        Reason::Refused { status: 401, .. } => {
            "the server wants a token: give one with --token, --token-file or --token-command; \
             `corecast token create` makes one"
        }
        Reason::Refused { status: 403, .. } => {
            "no rule allows this token to use the topic: see `corecast config explain`"
        }
        Reason::Connect(_) => "is the server running, and is the port right?",
        Reason::Refused { status: 503, .. } => {
            "it is at its limit of connections: raise that, or wait until others have left"
        }
        Reason::Refused {
            status: 400..=499, ..
        } => "does the server have the path of --url? corecast has /sub/..., /pub/... and /ws/...",
        Reason::Handshake(_) => {
            "does the port speak WebSocket? For length-prefix take tcp://, with TLS wss://"
        }
        Reason::Timeout(_) | Reason::EndOfStream => PROTOCOL,
        // So ends a stream of TLS, or one of which the server has not read all.
        Reason::Lost(err)
            if matches!(
                err.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
            ) =>
        {
            PROTOCOL
        }
        Reason::Closed {
            code: Some(1008), ..
        } => "does the path only receive? Publishers need another one: see --publish-url",
        _ => "",
    }
}

fn failed(target: &Target, what: &str, remedy: &str) -> RunError {
    let dash = if remedy.is_empty() { "" } else { "; " };
    RunError::Failed(format!(
        "before the run: {target}: {what}{dash}{remedy} (--no-preflight leaves this look out)"
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the deadlines of that client are of this clock, and no latency is taken by it"
)]
fn deadline() -> Instant {
    Instant::now() + PATIENCE
}
