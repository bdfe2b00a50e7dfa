//! The handler of the server binary: topics as paths.

mod access;
mod api;
mod commands;
mod connection;
mod route;
mod session;
mod settings;
mod since;
pub(crate) mod spelling;
mod values;

use std::sync::Arc;

pub use connection::Connection;
use connection::{PATH_RECEIVES, Purpose, ROLE_RECEIVES, open};
pub use route::LOBBY;
use route::Route;
pub use settings::{ApiKey, RelaySettings};

use crate::handler::{
    ConnectCommand, Connected, Failure, Halt, Handler, Message, Opening, Query, Refusal,
    SessionStream, SubscribeCommand, Subscribed,
};
use crate::position::Since;
use crate::proto::Role;
use crate::proto::http::{HttpError, Request, Response};
use crate::published::{Published, Publisher};
use crate::shard::core::app::cx::Cx;

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
/// | `/connection/websocket`, TCP for sessions | are commands of the structured protocol | what it subscribes to |
/// | `/connection/http_stream`, `/connection/sse` | come by `/emulation` | what it subscribes to |
/// | `/connection/uni_*` | are one request to connect | what that names |
///
/// `POST /api/publish`, `/api/broadcast` and `/api/batch` publish for clients with the
/// [key](RelaySettings::api_key), `/api/history` and `/api/history_remove` are about what topics
/// keep, `/api/presence` and `/api/presence_stats` about their clients, and `/api/disconnect`,
/// `/api/refresh`, `/api/connections` and `/api/send` are about the connections of a user. `GET /`
/// is a demo page, and `GET /healthz` answers 200 while the server runs.
///
/// With [`ServerBuilder::auth`](crate::ServerBuilder::auth) the rules say what each client may do;
/// without, every client may do everything. The default has no key: its API is off.
#[derive(Clone, Debug)]
pub struct Relay {
    settings: Published<Arc<RelaySettings>>,
}

/// Replaces the settings of a [`Relay`] and its clones while they run.
#[derive(Debug)]
pub struct RelayRenewer(Publisher<Arc<RelaySettings>>);

/// The context of callbacks; a question is answered when all homes have been.
type RelayCx<'c> = Cx<'c, Connection, ()>;

impl Relay {
    /// Creates a relay; clone it for each shard.
    pub fn new(settings: impl Into<Arc<RelaySettings>>) -> Self {
        Self::renewable(settings).0
    }

    /// Creates a relay whose settings can be replaced.
    pub fn renewable(settings: impl Into<Arc<RelaySettings>>) -> (Self, RelayRenewer) {
        let publisher = Publisher::new(settings.into());
        let settings = publisher.reader();
        (Self { settings }, RelayRenewer(publisher))
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self::new(RelaySettings::default())
    }
}

impl RelayRenewer {
    /// Replaces the settings on all shards, from the next request on.
    pub fn renew(&mut self, settings: impl Into<Arc<RelaySettings>>) {
        self.0.publish(settings.into());
    }
}

impl Handler for Relay {
    type Conn = Connection;
    type Answer = ();

    fn on_open(
        &mut self,
        cx: &mut RelayCx<'_>,
        opening: &Opening<'_>,
    ) -> Result<Connection, Refusal> {
        let request = match opening {
            Opening::Tcp {
                topic, role, since, ..
            } => return open(cx, topic, *role, *since, None, &ROLE_RECEIVES),
            Opening::WebSocket(request) | Opening::Events(request) => request,
            Opening::Session(_) | Opening::TcpSession => return Ok(Connection(Purpose::Session)),
        };
        let is_stream = matches!(opening, Opening::Events(_));
        let route = Route::of(request.path).ok_or_else(not_found)?;
        let name = route.topic().map(|named| named.read()).transpose()?;
        let role = match route {
            Route::Both(_) => Role::Both,
            Route::Publish(_) => Role::Publish,
            Route::Subscribe(_) => Role::Subscribe,
            Route::Events(_) if is_stream => Role::Subscribe,
            Route::Echo => return Ok(Connection(Purpose::Echo)),
            Route::Session if cx.open_session() => return Ok(Connection(Purpose::Session)),
            Route::OneWay if cx.open_one_way_session() => return Ok(Connection(Purpose::Session)),
            _ => return Err(not_found().into()),
        };
        let name = name.ok_or_else(not_found)?;
        let topic = cx.topic(&name)?;
        let since = if role == Role::Publish {
            Since::Default
        } else {
            let tells_gaps = cx.send_positions() || is_stream;
            since::asked(cx, request, &name, tells_gaps)?
        };
        let key = if role == Role::Subscribe {
            None
        } else {
            since::key(request)?
        };
        open(cx, &topic, role, since, key, &PATH_RECEIVES)
    }

    fn on_connect(
        &mut self,
        cx: &mut RelayCx<'_>,
        _: &ConnectCommand<'_>,
    ) -> Result<Connected, Failure> {
        Ok(session::connect(cx, self.settings.newest().has_user_topics))
    }

    fn on_subscribe(
        &mut self,
        cx: &mut RelayCx<'_>,
        subscribe: &SubscribeCommand<'_>,
    ) -> Result<Subscribed, Failure> {
        session::decide(cx, subscribe)
    }

    fn on_query(
        &mut self,
        cx: &mut RelayCx<'_>,
        query: Query,
        channel: &str,
    ) -> Result<(), Failure> {
        session::decide_query(cx, query, channel)
    }

    fn on_message(&mut self, cx: &mut RelayCx<'_>, message: Message<'_>) -> Result<(), Halt> {
        let Some(conn) = cx.take_data() else {
            return Ok(());
        };
        let result = conn.take_message(cx, message);
        cx.put_data(conn);
        result
    }

    /// A malformed topic is reported by [`on_request`](Self::on_request).
    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        matches!(Route::of(request.path), Some(Route::Events(named)) if named.read().is_ok())
    }

    fn wants_session(&mut self, request: &Request<'_>) -> Option<SessionStream> {
        match Route::of(request.path)? {
            Route::SessionStream(stream) => session::stream(stream, request.method),
            _ => None,
        }
    }

    /// Only what opens a connection, and its topic is one: the API has keys of its own, and the
    /// rest is for everyone.
    fn needs_identity(&mut self, request: &Request<'_>) -> bool {
        match Route::of(request.path) {
            Some(Route::Both(named) | Route::Subscribe(named) | Route::Publish(named)) => {
                request.wants_websocket() && named.read().is_ok()
            }
            Some(Route::Events(named)) => {
                let is_read = matches!(request.method, "GET" | "HEAD");
                is_read && !request.wants_websocket() && named.read().is_ok()
            }
            Some(Route::Echo) => request.wants_websocket(),
            // Its token comes with its first command.
            Some(Route::Session | Route::OneWay) => false,
            Some(Route::SessionStream(_) | Route::Emulation) => false,
            Some(Route::Page | Route::Health | Route::Api(_)) | None => false,
        }
    }

    fn answers_when_full(&mut self, request: &Request<'_>) -> bool {
        let is_read = matches!(request.method, "GET" | "HEAD");
        is_read && matches!(Route::of(request.path), Some(Route::Health))
    }

    fn on_head(&mut self, cx: &mut RelayCx<'_>, request: &Request<'_>) -> Option<Response> {
        match (request.method, Route::of(request.path)) {
            (_, None) => Some(not_found()),
            (_, Some(Route::Api(method))) => {
                api::admit(cx, self.settings.newest(), request, method).err()
            }
            ("POST", Some(Route::SessionStream(_) | Route::Emulation)) => None,
            ("HEAD", Some(Route::Events(named))) => since::answer_to_head(cx, request, named),
            ("GET" | "HEAD" | "OPTIONS", Some(_)) => None,
            (_, Some(_)) => Some(Response::method_not_allowed(ALLOWED)),
        }
    }

    fn on_request(
        &mut self,
        cx: &mut RelayCx<'_>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let Some(route) = Route::of(request.path) else {
            return Ok(not_found());
        };
        if let Route::Api(method) = route {
            return api::answer(cx, self.settings.newest(), request, method);
        }
        Ok(match (request.method, route) {
            ("POST", Route::Emulation) => session::pass_commands(cx, request)?,
            ("POST", Route::SessionStream(_)) => Response::text(400, "there is no command"),
            (_, Route::Emulation | Route::SessionStream(_)) if request.method != "OPTIONS" => {
                Response::method_not_allowed(session::ALLOWED)
            }
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

/// The methods of paths outside the API.
const ALLOWED: &str = "GET, HEAD, OPTIONS";

fn not_found() -> Response {
    Response::text(404, "not found; see / for what is here")
}
