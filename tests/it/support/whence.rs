//! An application that tells everyone where they come from, and clients that come from elsewhere.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use corecast::{Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request, Response};
use socket2::{Domain, Socket, Type};

use crate::support::socket::limit;

/// Says to each connection, and answers each request with, the address that it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerInfo;

impl Handler for PeerInfo {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, _: &Opening<'_>) -> Result<(), Refusal> {
        let whence = whence(cx);
        cx.reply(Kind::Text, whence.as_bytes())?;
        Ok(())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, ()>, message: Message<'_>) -> Result<(), Halt> {
        Ok(cx.reply(message.kind, message.payload)?)
    }

    fn on_request(&mut self, cx: &mut Cx<'_, ()>, _: &Request<'_>) -> Result<Response, Refusal> {
        Ok(Response::text(200, &whence(cx)))
    }
}

fn whence(cx: &Cx<'_, ()>) -> String {
    cx.peer()
        .map_or_else(|| "nowhere".to_owned(), |peer| peer.to_string())
}

/// Connects from an address of this host.
pub(crate) fn dial_from(from: Ipv4Addr, addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&addr.into()).unwrap();
    limit(socket.into())
}
