//! A client that comes back to a topic without history.

use corecast::{Config, Cx, Halt, Handler, Message, Opening, Refusal, Since};

use crate::shard::Shard;

/// Subscribes each connection twice, from a place that is not there.
struct App;

impl Handler for App {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        _: &Opening<'_>,
    ) -> Result<(), Refusal> {
        cx.send_positions();
        for _ in 0..2 {
            cx.subscribe_since("a", Since::Foreign)?;
        }
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, (), Self::Answer>, _: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }
}

#[test]
fn a_gap_is_told_once_also_if_the_handler_subscribes_twice() {
    let mut shard = Shard::of(Config::default(), App);
    let client = shard.connect();
    shard.read(
        client,
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Protocol: corecast.positions\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    shard.rest();
    let answer = shard.take(client);
    let end = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    assert_eq!(&answer[end + 4..], b"\x81\x03gap");
}
