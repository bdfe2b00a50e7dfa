//! Every bad input has a clear answer, and no other client notices it.

mod frames;
mod peers;
mod requests;

use corecast::{Config, Kind};

use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{Running, builder};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const MESSAGE_BYTES_MAX: usize = 1_000;

/// A server, and two of its subscribers that must not notice anything.
struct Scene {
    server: Running,
    ws: Ws,
    tcp: LengthPrefix,
    published: u32,
}

impl Scene {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let config = Config {
            message_bytes_max: MESSAGE_BYTES_MAX,
            ..config
        };
        let server = Running::start(builder(2).config(config));
        let ws = Ws::connect(server.http(), "/ws/lobby");
        let tcp = LengthPrefix::connect(server.tcp());
        Self {
            server,
            ws,
            tcp,
            published: 0,
        }
    }

    /// Both subscribers get the next message, and nothing stands before it.
    fn check(&mut self, after: &str) {
        let payload = format!("{} after {after}", self.published);
        self.published += 1;
        let payload = payload.as_bytes();
        self.server.publish("lobby", Kind::Text, payload);
        assert_eq!(self.ws.next_payload(), payload);
        assert_eq!(self.tcp.next(), payload);
    }

    /// What a case has opened is closed, on both sides.
    fn wait_for_the_others(&self) {
        wait_until("the others are gone", || {
            self.server.counters().connections == 2
        });
    }
}
