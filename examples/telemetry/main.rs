//! Telemetry: devices report over TCP, browsers watch.
//!
//! `cargo run --example telemetry -- --devices 12`, then open <http://127.0.0.1:8080/>.
//!
//! A device connects to the TCP port and sends frames of a 4-byte length and JSON such as
//! `{"device":"pump-7","metric":"pressure","value":3.2,"at":1754000000000}`, where `at` is in
//! milliseconds since 1970. An invalid reading is answered with `{"is":"error","error":"…"}`. A
//! browser opens `/live`, sends `snapshot` and receives all values; after that it receives changes.
//!
//! All readings go to the [`Board`], on the home of one topic. It reports to browsers ten times a
//! second, all changes together: a thousand devices cause ten messages a second to a browser, not
//! thousands.

mod board;
mod device;
mod history;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::thread;
use std::time::Duration;

use clap::Parser;
use corecast::{
    CloseReason, Config, Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request, Response,
    Room, ShardCx, Tick,
};

use board::Board;
use wire::{Report, SNAPSHOT, json};

const TOPIC: &str = "telemetry";

/// The application on one shard.
#[derive(Default)]
struct Telemetry {
    /// The shard's clock.
    seconds: u64,
}

/// The kind of a connection.
#[derive(Clone, Copy)]
enum Peer {
    Device,
    Browser {
        /// The second of its last request for a snapshot, which is work for the board.
        asked: Option<u64>,
    },
}

impl Handler for Telemetry {
    type Conn = Peer;
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, Peer>, opening: &Opening<'_>) -> Result<Peer, Refusal> {
        match opening {
            // It reports and does not subscribe: it receives only answers to its own mistakes.
            Opening::Tcp { .. } => Ok(Peer::Device),
            Opening::WebSocket(request) if request.path == "/live" => {
                cx.subscribe(TOPIC)?;
                Ok(Peer::Browser { asked: None })
            }
            _ => Err(Response::text(404, "not found; watch at /live").into()),
        }
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Peer>, message: Message<'_>) -> Result<(), Halt> {
        let now = Some(self.seconds);
        let asks = message.payload == SNAPSHOT;
        match cx.data().map(|peer| *peer) {
            Some(Peer::Browser { .. }) if !asks => {
                Err(CloseReason::Policy("a browser only watches").into())
            }
            Some(Peer::Browser { asked }) if asked == now => {
                Err(CloseReason::Policy("at most one snapshot a second").into())
            }
            Some(Peer::Browser { .. }) => {
                cx.publish(TOPIC, message.kind, message.payload)?;
                // Not before: a message that meets `Busy` comes again, and counts once.
                if let Some(peer) = cx.data() {
                    *peer = Peer::Browser { asked: now };
                }
                Ok(())
            }
            Some(Peer::Device) if asks => {
                let error = "snapshots are for browsers";
                Ok(cx.reply(Kind::Text, &json(&Report::Error { error }))?)
            }
            // The board processes it. While there is no space for it, the device is not read: it is
            // slowed, and nothing is lost.
            _ => Ok(cx.publish(TOPIC, message.kind, message.payload)?),
        }
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, Peer>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(match (request.method, request.path) {
            ("GET" | "HEAD", "/") => Response::html(include_str!("page.html")),
            ("GET" | "HEAD", _) => Response::text(404, "not found; see /"),
            _ => Response::method_not_allowed("GET, HEAD"),
        })
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    fn on_tick(&mut self, _: &mut ShardCx<'_, Peer>, tick: Tick) {
        self.seconds = tick.number;
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        (topic == TOPIC).then(|| Box::new(Board::default()) as Box<dyn Room>)
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: support::Flags,
    /// Simulated devices to start, each a thread with a TCP connection
    #[arg(long, value_name = "N", default_value_t = 0)]
    devices: usize,
}

fn main() -> Result<(), corecast::Error> {
    let cli = Cli::parse();
    // A slow browser continues with the oldest message in the log, the default. The newest alone
    // (`SlowConsumer::Latest`) is not enough: a message has only changes, so each counts. A browser
    // that misses some notices this by the numbers, and asks for a snapshot.
    let config = Config {
        message_bytes_max: 1 << 10,
        ..Config::default()
    };
    let server = cli.flags.server(TOPIC).config(config);
    let server = server.start(|_shard| Telemetry::default())?;
    for number in 1..=cli.devices {
        let board = server.tcp_addrs()[0];
        thread::spawn(move || device::simulate(number, board));
    }
    support::run(server)
}
