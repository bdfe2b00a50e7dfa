//! The handler of the server binary: topics as paths.

use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::handler::{Halt, Handler, Message, Opening, Refusal};
use crate::proto::http::{HttpError, Request, Response, topic_from_path};
use crate::shard::cx::Cx;

/// Relays what is published on a topic to its subscribers; the path says which topic and what for.
///
/// | path | a client's messages | gets |
/// |---|---|---|
/// | `/ws/{topic}`, `/ws` (topic `lobby`), TCP | are published | what is published |
/// | `/sub/{topic}` | close the connection with 1008 | what is published |
/// | `/pub/{topic}` | are published | nothing |
/// | `/echo` | come back | its own |
///
/// `GET /` is a page that connects and chats, `GET /healthz` says that the server runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relay;

/// What a connection of [`Relay`] is for.
#[derive(Clone, Debug)]
pub struct Role(Purpose);

#[derive(Clone, Debug)]
enum Purpose {
    Publish(Arc<str>),
    Listen,
    Echo,
}

/// What a path asks for.
enum Route {
    Both(String),
    Subscribe(String),
    Publish(String),
    Echo,
}

impl Handler for Relay {
    type Conn = Role;
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, Role>, opening: &Opening<'_>) -> Result<Role, Refusal> {
        let route = match opening {
            Opening::Tcp { topic } => Route::Both((*topic).to_owned()),
            Opening::WebSocket(request) => route(request.path)?,
        };
        if let Route::Both(topic) | Route::Subscribe(topic) = &route {
            cx.subscribe(topic)?;
        }
        Ok(Role(match route {
            Route::Both(topic) | Route::Publish(topic) => Purpose::Publish(topic.into()),
            Route::Subscribe(_) => Purpose::Listen,
            Route::Echo => Purpose::Echo,
        }))
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Role>, message: Message<'_>) -> Result<(), Halt> {
        let Message { kind, payload } = message;
        match cx.data().map(|Role(purpose)| purpose.clone()) {
            Some(Purpose::Publish(topic)) => cx.publish(&topic, kind, payload)?,
            Some(Purpose::Echo) => cx.reply(kind, payload)?,
            Some(Purpose::Listen) => {
                let rule = "this path only receives; publish on /pub or /ws";
                return Err(CloseReason::Policy(rule).into());
            }
            None => {}
        }
        Ok(())
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, Role>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let known = matches!(request.path, "/" | "/healthz") || route(request.path).is_ok();
        Ok(match (request.method, request.path) {
            ("GET" | "HEAD", "/") => Response::html(include_str!("page.html")),
            ("GET" | "HEAD", "/healthz") => Response::text(200, "ok"),
            ("GET" | "HEAD", _) if known => HttpError::UpgradeMissing.into(),
            _ if known => Response::method_not_allowed("GET, HEAD"),
            _ => Response::text(404, "not found; see / for what is here"),
        })
    }
}

fn route(path: &str) -> Result<Route, Response> {
    let (place, topic) = path[1..]
        .split_once('/')
        .unwrap_or_else(|| (&path[1..], ""));
    let named = || topic_from_path(topic).map_err(Response::from);
    match place {
        "ws" if path == "/ws" => Ok(Route::Both(LOBBY.to_owned())),
        "ws" => named().map(Route::Both),
        "sub" => named().map(Route::Subscribe),
        "pub" => named().map(Route::Publish),
        "echo" if path == "/echo" => Ok(Route::Echo),
        _ => Err(Response::text(404, "not found; see / for what is here")),
    }
}

/// The topic of `/ws`, and of TCP if nothing else is said.
pub const LOBBY: &str = "lobby";
