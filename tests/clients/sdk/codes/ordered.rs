//! An application that refuses, disconnects and unsubscribes as its clients order it.

use corecast::{
    CloseReason, CommandError, ConnectCommand, Connected, Cx, DisconnectCode, ErrorCode, Failure,
    Halt, Handler, Message, Opening, ProtocolError, Refusal, Relay, Request, Response, RpcCommand,
    SessionStream, SubscribeCommand, Subscribed,
};
use serde::Deserialize;

/// What a client orders, in the data of a command.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    /// The command is answered with this error.
    error: Option<u16>,
    temporary: bool,
    /// The connection is closed with this code.
    disconnect: Option<u16>,
    /// And this reason, if the code has none of its own.
    reason: usize,
    /// It is closed for the violation with this label.
    protocol: Option<String>,
    /// The connection is closed as the application does it without a code.
    close: bool,
    /// This subscription ends.
    unsubscribe: Option<String>,
}

/// Reasons of an application: an SDK must take none of them for what decides.
pub(super) const REASONS: [&str; 6] = ["go away", "", "7", "true", "null", r#"{"reconnect":1}"#];

/// Relays, but for what is ordered.
#[derive(Clone, Debug, Default)]
pub(super) struct Ordered(Relay);

type OrderedCx<'c> = Cx<'c, <Relay as Handler>::Conn, ()>;

fn carry_out(cx: &mut OrderedCx<'_>, order: &[u8]) -> Result<(), Failure> {
    let order: Order = serde_json::from_slice(order).unwrap_or_default();
    if let Some(code) = order.error {
        let mut known = ErrorCode::ALL.iter().filter(|known| known.code() == code);
        return Err(Failure::Error(match known.next() {
            Some(known) => CommandError::from(*known),
            None => CommandError {
                code: code.into(),
                message: "of the application".to_owned(),
                temporary: order.temporary,
            },
        }));
    }
    if let Some(code) = order.disconnect {
        let mut known = DisconnectCode::ALL.iter();
        return Err(match known.find(|known| known.code() == code) {
            Some(known) if order.reason == 0 => (*known).into(),
            _ => Failure::Close(CloseReason::Application {
                code,
                text: REASONS[order.reason],
            }),
        });
    }
    if let Some(label) = order.protocol {
        let mut all = ProtocolError::ALL.into_iter();
        let error = all.find(|error| error.label() == label).unwrap();
        return Err(Failure::Close(CloseReason::Protocol(error)));
    }
    if let Some(channel) = order.unsubscribe {
        cx.unsubscribe(&*channel);
    }
    match order.close {
        true => Err(Failure::Close(CloseReason::Handler)),
        false => Ok(()),
    }
}

impl Handler for Ordered {
    type Conn = <Relay as Handler>::Conn;
    type Answer = ();

    fn on_open(
        &mut self,
        cx: &mut OrderedCx<'_>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal> {
        self.0.on_open(cx, opening)
    }

    fn wants_session(&mut self, request: &Request<'_>) -> Option<SessionStream> {
        self.0.wants_session(request)
    }

    fn on_head(&mut self, cx: &mut OrderedCx<'_>, request: &Request<'_>) -> Option<Response> {
        self.0.on_head(cx, request)
    }

    fn on_request(
        &mut self,
        cx: &mut OrderedCx<'_>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        self.0.on_request(cx, request)
    }

    fn on_message(&mut self, cx: &mut OrderedCx<'_>, message: Message<'_>) -> Result<(), Halt> {
        self.0.on_message(cx, message)
    }

    fn on_connect(
        &mut self,
        cx: &mut OrderedCx<'_>,
        connect: &ConnectCommand<'_>,
    ) -> Result<Connected, Failure> {
        carry_out(cx, connect.data)?;
        Ok(Connected::default())
    }

    fn on_subscribe(
        &mut self,
        cx: &mut OrderedCx<'_>,
        subscribe: &SubscribeCommand<'_>,
    ) -> Result<Subscribed, Failure> {
        carry_out(cx, subscribe.data)?;
        Ok(Subscribed::default())
    }

    fn on_rpc(&mut self, cx: &mut OrderedCx<'_>, rpc: &RpcCommand<'_>) -> Result<Vec<u8>, Failure> {
        carry_out(cx, rpc.data)?;
        Ok(b"{}".to_vec())
    }

    fn on_send(&mut self, cx: &mut OrderedCx<'_>, data: &[u8]) -> Result<(), Failure> {
        carry_out(cx, data)
    }
}
