//! Notes of users: each reads and writes its own, over WebSocket at `/USER`. The server asks every
//! client for its identity; the application only says what it may do.
//!
//! `cargo run --example notes` logs a token of the user ann; then
//! `npx --yes wscat --connect ws://127.0.0.1:8080/ann --header "Authorization: Bearer TOKEN"`.

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use corecast::auth::{Action, ApiKeys, Auth, Key, Places, Rules, Verifier, create};
use corecast::{
    Cx, Halt, Handler, Message, Opening, Refusal, Request, Response, Topic, topic_from_path,
};

/// In a real program it comes from the environment, and the backend that knows the users makes the
/// tokens.
const SECRET: &[u8] = b"only for this example: 32 bytes.";
const TOKEN_SECS: u64 = 3_600;
/// Users whose token has the claim `reads` may also read the notes of that user.
const RULES: [&str; 2] = [
    "users subscribe+publish notes/{user}",
    "users subscribe notes/{claim.reads}",
];

struct Notes;

/// What is kept of a client: the topic to which it writes, if it may.
struct Writer(Option<Topic>);

impl Handler for Notes {
    type Conn = Writer;
    type Answer = ();

    /// A client without a token does not come here, except to the health check.
    fn needs_identity(&mut self, request: &Request<'_>) -> bool {
        request.path != "/healthz"
    }

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Writer>,
        opening: &Opening<'_>,
    ) -> Result<Writer, Refusal> {
        let Opening::WebSocket(request) = opening else {
            return Err(Response::text(404, "connect over WebSocket").into());
        };
        let owner = topic_from_path(request.path.trim_start_matches('/'))?;
        let topic = cx.topic(&format!("notes/{owner}"))?;
        cx.require(Action::Subscribe, topic.name())?;
        cx.subscribe(&topic)?;
        let may_write = cx.permit(Action::Publish, topic.name()).is_ok();
        if let Some(client) = cx.principal() {
            log::info!("{} reads {topic:?}, writes: {may_write}", client.identity);
        }
        Ok(Writer(may_write.then_some(topic)))
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Writer>, message: Message<'_>) -> Result<(), Halt> {
        let topic = cx.data().and_then(|writer| writer.0.clone());
        match topic {
            Some(topic) => Ok(cx.publish(&topic, message.kind, message.payload)?),
            None => Ok(cx.reply(message.kind, b"these notes are not yours")?),
        }
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, Writer>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(match request.path {
            "/healthz" => Response::text(200, "ok"),
            _ => Response::text(404, "connect over WebSocket"),
        })
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: support::Flags,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let auth = Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET)?]),
        api_keys: ApiKeys::default(),
        rules: Rules::parse(RULES)?,
        anonymous: false,
        insecure: false,
    };
    let builder = Cli::parse().flags.server("notes");
    let server = builder
        .auth(auth, Places::default())
        .start(|_shard| Notes)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = format!(r#"{{"sub":"ann","exp":{}}}"#, now + TOKEN_SECS);
    log::info!("a token of ann: {}", create(SECRET, &claims)?);
    support::run(server)?;
    Ok(())
}
