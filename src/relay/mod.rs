//! The handler of the server binary: topics as paths.

mod api;
mod commands;
mod route;
mod settings;
pub(crate) mod spelling;

use std::sync::Arc;

pub use route::LOBBY;
use route::Route;
pub use settings::{ApiKey, RelaySettings};

use crate::close_reason::CloseReason;
use crate::handler::{Halt, Handler, Message, Opening, Refusal};
use crate::proto::Role;
use crate::proto::http::{HttpError, Request, Response};
use crate::shard::core::app::cx::Cx;
use crate::topic::Topic;

/// Relays messages from publishers to subscribers of a topic. The path names the topic and the
/// direction.
///
/// | path | a client's messages | receives |
/// |---|---|---|
/// | `/ws/{topic}`, `/ws` and `/ws/` (topic `lobby`), TCP | are published | what is published |
/// | TCP, [role](crate::Role) `publish` | are published | nothing |
/// | TCP, role `subscribe` | close the connection | what is published |
/// | `/sub/{topic}` | close the connection with 1008 | what is published |
/// | `/pub/{topic}` | are published | nothing |
/// | `/sse/{topic}` | | what is published, as server-sent events |
/// | `/echo` | are sent back | its own messages |
///
/// `POST /api/publish`, `/api/broadcast` and `/api/batch` publish for clients with the
/// [key](RelaySettings::api_key). `GET /` is a demo page, and `GET /healthz` answers 200 while the
/// server runs.
///
/// The default has no key: its API is off.
#[derive(Clone, Debug, Default)]
pub struct Relay {
    settings: Arc<RelaySettings>,
}

/// The purpose of a connection of [`Relay`].
#[derive(Clone, Debug)]
pub struct Connection(Purpose);

#[derive(Clone, Debug)]
enum Purpose {
    Publish(Topic),
    Listen,
    Echo,
    /// Receives messages over TCP.
    ListenTcp,
}

impl Relay {
    /// Creates a relay; clone it for each shard.
    pub fn new(settings: impl Into<Arc<RelaySettings>>) -> Self {
        Self {
            settings: settings.into(),
        }
    }
}

impl Handler for Relay {
    type Conn = Connection;
    type Answer = ();

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Connection>,
        opening: &Opening<'_>,
    ) -> Result<Connection, Refusal> {
        let route = match opening {
            Opening::Tcp { topic, role } => return open_tcp(cx, topic, *role),
            Opening::WebSocket(request) | Opening::Events(request) => Route::of(request.path),
        };
        let route = route.ok_or_else(not_found)?;
        let topic = match route.topic() {
            Some(named) => Some(cx.topic(&named.read()?)?),
            None => None,
        };
        if let Route::Both(_) | Route::Subscribe(_) | Route::Events(_) = route
            && let Some(topic) = &topic
        {
            cx.subscribe(topic)?;
        }
        match (route, topic) {
            (Route::Both(_) | Route::Publish(_), Some(topic)) => {
                Ok(Connection(Purpose::Publish(topic)))
            }
            (Route::Echo, _) => Ok(Connection(Purpose::Echo)),
            (Route::Subscribe(_), _) => Ok(Connection(Purpose::Listen)),
            (Route::Events(_), _) if matches!(opening, Opening::Events(_)) => {
                Ok(Connection(Purpose::Listen))
            }
            _ => Err(not_found().into()),
        }
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Connection>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        let Message { kind, payload } = message;
        match cx.data().map(|Connection(purpose)| purpose.clone()) {
            Some(Purpose::Publish(topic)) => cx.publish(&topic, kind, payload)?,
            Some(Purpose::Echo) => cx.reply(kind, payload)?,
            Some(Purpose::Listen) => {
                let rule = "this path only receives; publish on /pub or /ws";
                return Err(CloseReason::Policy(rule).into());
            }
            Some(Purpose::ListenTcp) => {
                let rule = "connections of this listener only receive (its role is subscribe)";
                return Err(CloseReason::Policy(rule).into());
            }
            None => {}
        }
        Ok(())
    }

    /// A malformed topic is reported by [`on_request`](Self::on_request).
    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        matches!(Route::of(request.path), Some(Route::Events(named)) if named.read().is_ok())
    }

    fn answers_when_full(&mut self, request: &Request<'_>) -> bool {
        let is_read = matches!(request.method, "GET" | "HEAD");
        is_read && matches!(Route::of(request.path), Some(Route::Health))
    }

    fn on_head(&mut self, request: &Request<'_>) -> Option<Response> {
        match (request.method, Route::of(request.path)) {
            (_, None) => Some(not_found()),
            (_, Some(Route::Api(method))) => api::refusal(&self.settings, request, method),
            ("GET" | "HEAD" | "OPTIONS", Some(_)) => None,
            (_, Some(_)) => Some(Response::method_not_allowed(ALLOWED)),
        }
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, Connection>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let Some(route) = Route::of(request.path) else {
            return Ok(not_found());
        };
        if let Route::Api(method) = route {
            return api::answer(cx, &self.settings, request, method);
        }
        Ok(match (request.method, route) {
            ("OPTIONS", _) => Response::empty().with_header("Allow", ALLOWED),
            ("GET" | "HEAD", Route::Page) => Response::html(include_str!("page.html")),
            ("GET" | "HEAD", Route::Health) => Response::text(200, "ok"),
            ("GET" | "HEAD", Route::Events(topic)) => match topic.read() {
                Ok(_) => Response::text(400, "a request for events must not have a body"),
                Err(error) => error.into(),
            },
            ("GET" | "HEAD", _) => match route.topic().map(|named| named.read()) {
                Some(Err(_)) => not_found(),
                _ => HttpError::UpgradeMissing.into(),
            },
            _ => Response::method_not_allowed(ALLOWED),
        })
    }
}

fn open_tcp(cx: &mut Cx<'_, Connection>, topic: &Topic, role: Role) -> Result<Connection, Refusal> {
    if role != Role::Publish {
        cx.subscribe(topic)?;
    }
    Ok(Connection(match role {
        Role::Both | Role::Publish => Purpose::Publish(topic.clone()),
        Role::Subscribe => Purpose::ListenTcp,
    }))
}

/// The methods of paths outside the API.
const ALLOWED: &str = "GET, HEAD, OPTIONS";

fn not_found() -> Response {
    Response::text(404, "not found; see / for what is here")
}
