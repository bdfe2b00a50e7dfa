//! The handler of the server binary: topics as paths.

mod api;
mod commands;
mod route;
mod settings;

use std::sync::Arc;

pub use route::LOBBY;
use route::Route;
pub use settings::{ApiKey, RelaySettings};

use crate::close_reason::CloseReason;
use crate::handler::{Halt, Handler, Message, Opening, Refusal};
use crate::proto::http::{HttpError, Request, Response};
use crate::shard::cx::Cx;

/// Relays what is published on a topic to its subscribers; the path says which topic and what for.
///
/// | path | a client's messages | gets |
/// |---|---|---|
/// | `/ws/{topic}`, `/ws` (topic `lobby`), TCP | are published | what is published |
/// | `/sub/{topic}` | close the connection with 1008 | what is published |
/// | `/pub/{topic}` | are published | nothing |
/// | `/sse/{topic}` | | what is published, as server-sent events |
/// | `/echo` | come back | its own |
///
/// `POST /api/publish`, `/api/broadcast` and `/api/batch` publish for those who have the
/// [key](RelaySettings::api_key); `GET /` is a page that connects and chats, and `GET /healthz` says
/// that the server runs.
///
/// The default has no key: its API is off.
#[derive(Clone, Debug, Default)]
pub struct Relay {
    settings: Arc<RelaySettings>,
}

/// What a connection of [`Relay`] is for.
#[derive(Clone, Debug)]
pub struct Role(Purpose);

#[derive(Clone, Debug)]
enum Purpose {
    Publish(Arc<str>),
    Listen,
    Echo,
}

impl Relay {
    /// One for each shard, by cloning it.
    pub fn new(settings: impl Into<Arc<RelaySettings>>) -> Self {
        Self {
            settings: settings.into(),
        }
    }
}

impl Handler for Relay {
    type Conn = Role;
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, Role>, opening: &Opening<'_>) -> Result<Role, Refusal> {
        let route = match opening {
            Opening::Tcp { topic } => {
                cx.subscribe(topic)?;
                return Ok(Role(Purpose::Publish((*topic).into())));
            }
            Opening::WebSocket(request) | Opening::Events(request) => Route::of(request.path),
        };
        let route = route.ok_or_else(not_found)?;
        let topic = route.topic().map(|named| named.read());
        let topic = topic.transpose().map_err(Response::from)?;
        if let Route::Both(_) | Route::Subscribe(_) | Route::Events(_) = route
            && let Some(topic) = &topic
        {
            cx.subscribe(topic)?;
        }
        match (route, topic) {
            (Route::Both(_) | Route::Publish(_), Some(topic)) => {
                Ok(Role(Purpose::Publish(topic.into())))
            }
            (Route::Echo, _) => Ok(Role(Purpose::Echo)),
            (Route::Subscribe(_), _) => Ok(Role(Purpose::Listen)),
            (Route::Events(_), _) if matches!(opening, Opening::Events(_)) => {
                Ok(Role(Purpose::Listen))
            }
            _ => Err(not_found().into()),
        }
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

    /// A malformed topic is for [`on_request`](Self::on_request) to tell.
    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        matches!(Route::of(request.path), Some(Route::Events(named)) if named.read().is_ok())
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, Role>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let Some(route) = Route::of(request.path) else {
            return Ok(not_found());
        };
        if let Route::Api(method) = route {
            return api::answer(cx, &self.settings, request, method);
        }
        let allowed = "GET, HEAD, OPTIONS";
        Ok(match (request.method, route) {
            ("OPTIONS", _) => Response::empty().with_header("Allow", allowed),
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
            _ => Response::method_not_allowed(allowed),
        })
    }
}

fn not_found() -> Response {
    Response::text(404, "not found; see / for what is here")
}
