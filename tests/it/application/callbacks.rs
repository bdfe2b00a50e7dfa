//! What callbacks are told, and what their contexts answer.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use corecast::{
    CloseReason, Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request, Response, Sent,
    ShardCx, Tick,
};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::http::{ask, read_head, upgrade_request};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, dial_small};
use crate::support::wait::in_a_while;
use crate::support::ws::Ws;

/// Tells on a channel what it was told.
struct Witness {
    tells: Sender<Told>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Opened(SocketAddr, Vec<(String, String)>),
    Sent(Sent, usize),
    Drained(usize),
    Closed(CloseReason),
}

impl Witness {
    fn tell(&self, told: Told) {
        // A test that has seen enough listens no more.
        self.tells.send(told).ok();
    }

    fn command(&self, cx: &mut Cx<'_, ()>, text: &str) -> Result<(), Halt> {
        match text {
            "push" => {
                let sent = cx.send(Kind::Binary, &[7; 10_000]);
                self.tell(Told::Sent(sent, cx.buffered()));
            }
            "bad text" => {
                let sent = cx.send(Kind::Text, b"\xff");
                self.tell(Told::Sent(sent, cx.buffered()));
            }
            "bad topic" => cx.publish("", Kind::Text, b"")?,
            "kick" => {
                let reason = CloseReason::Application {
                    code: 4001,
                    text: "out of lives",
                };
                return Err(reason.into());
            }
            _ => cx.subscribe("ticks")?,
        }
        Ok(())
    }
}

impl Handler for Witness {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, opening: &Opening<'_>) -> Result<(), Refusal> {
        let Opening::WebSocket(request) = opening else {
            return Err(Response::text(404, "").into());
        };
        match request.path {
            "/second" => cx.choose_subprotocol(Some("two")),
            "/none" => cx.choose_subprotocol(None),
            "/unknown" => cx.choose_subprotocol(Some("three")),
            "/positions" => {
                assert!(cx.send_positions());
                cx.choose_subprotocol(Some("one"));
                assert_eq!(cx.send(Kind::Text, b"for you"), Sent::Queued);
            }
            "/again" => {
                assert!(cx.send_positions());
                cx.subscribe("ticks")?;
                if cx.answer().is_none() {
                    return Err(cx.defer(Duration::from_secs(60)).1.into());
                }
            }
            "/too-late" => {
                cx.subscribe("ticks")?;
                assert!(!cx.send_positions());
            }
            "/by-name" => cx.choose_subprotocol(Some("corecast.positions")),
            _ => {}
        }
        let params = request.params();
        let params = params.map(|(name, value)| (name.into_owned(), value.into_owned()));
        self.tell(Told::Opened(cx.peer().unwrap(), params.collect()));
        Ok(())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, ()>, message: Message<'_>) -> Result<(), Halt> {
        let text = std::str::from_utf8(message.payload).unwrap();
        assert!(cx.peer().is_none(), "it is not kept");
        text.split(' ')
            .filter(|word| *word == "push")
            .try_for_each(|word| self.command(cx, word))?;
        if text.starts_with("push") {
            return Ok(());
        }
        self.command(cx, text)
    }

    fn on_drain(&mut self, cx: &mut Cx<'_, ()>) {
        self.tell(Told::Drained(cx.buffered()));
    }

    fn on_close(&mut self, _: &mut Cx<'_, ()>, reason: CloseReason) -> Result<(), Halt> {
        self.tell(Told::Closed(reason));
        Ok(())
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, ()>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        assert!(
            cx.subscribe("ticks").is_err(),
            "there is nothing to send to"
        );
        let name = request.param("name").unwrap_or_default();
        Ok(Response::text(
            200,
            &format!("{name} at {}", cx.peer().unwrap().ip()),
        ))
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_millis(5))
    }

    fn on_tick(&mut self, cx: &mut ShardCx<'_, ()>, tick: Tick) {
        let text = format!("{} {}", cx.shard(), tick.number);
        // Full lanes miss a tick.
        cx.publish("ticks", Kind::Text, text.as_bytes()).ok();
    }
}

fn start(shards: usize) -> (Running, Receiver<Told>) {
    let (tells, told) = unbounded();
    let server = Running::with(builder(shards), move |_| Witness {
        tells: tells.clone(),
    });
    (server, told)
}

fn next(told: &Receiver<Told>) -> Told {
    told.recv_deadline(in_a_while()).unwrap()
}

#[test]
fn an_opening_tells_the_address_and_the_decoded_query() {
    let (server, told) = start(1);
    let stream = dial(server.http());
    let address = stream.local_addr().unwrap();
    let _client = Ws::over(stream, "/any?name=J%C3%BCrgen+M&name=2&empty");
    let params = [("name", "Jürgen M"), ("name", "2"), ("empty", "")];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(next(&told), Told::Opened(address, params.to_vec()));
}

#[test]
fn an_application_has_routes_of_its_own() {
    let (server, _told) = start(2);
    let answer = ask(
        server.http(),
        "GET /hello?name=Eve HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "Eve at 127.0.0.1\n")
    );
}

#[test]
fn the_application_chooses_among_the_subprotocols_on_offer() {
    let (server, _told) = start(1);
    for (path, chosen) in [("/first", Some("one")), ("/second", Some("two"))] {
        let offer = [("sec-websocket-protocol", "one, two")];
        let (_, answer) = Ws::upgrade(dial(server.http()), path, &offer);
        let got = answer.headers().get("sec-websocket-protocol");
        assert_eq!(got.map(|value| value.to_str().unwrap()), chosen, "{path}");
    }
    // Their client would fail the connection, as RFC 6455 4.1 has it: nothing was chosen.
    for path in ["/none", "/unknown"] {
        let (_, answer) = Ws::upgrade(dial(server.http()), path, &[]);
        assert!(answer.headers().get("sec-websocket-protocol").is_none());
    }
}

#[test]
fn an_application_has_positions_sent_or_the_subprotocol_is_not_selected() {
    let (server, _told) = start(1);
    let offer = "Sec-WebSocket-Protocol: corecast.positions, one\r\n";
    let select = |path: &str| {
        let mut stream = dial(server.http());
        let request = upgrade_request(path).replacen("Host:", &format!("{offer}Host:"), 1);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_head(&mut stream);
        let selected = answer.field("sec-websocket-protocol").map(str::to_owned);
        (stream, selected)
    };
    let one = Some("one".to_owned());
    assert_eq!(select("/any").1, one);
    assert_eq!(select("/too-late").1, one);
    assert_eq!(select("/by-name").1, None);
    assert_eq!(select("/again").1.as_deref(), Some("corecast.positions"));
    let (mut stream, selected) = select("/positions");
    assert_eq!(selected.as_deref(), Some("corecast.positions"));
    let mut frame = [0; 10];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x08\nfor you", "its line is empty");
}

#[test]
fn a_send_tells_of_pressure_before_it_drops_and_a_drain_of_its_end() {
    let (server, told) = start(1);
    let mut client = Ws::over(dial_small(server.http()), "/any");
    assert!(matches!(next(&told), Told::Opened(..)));
    // One message, many sends: nothing is written meanwhile.
    client.send_text(&"push ".repeat(9));
    let sends: Vec<Told> = (0..9).map(|_| next(&told)).collect();
    let outcomes: Vec<Sent> = sends
        .iter()
        .map(|told| match told {
            Told::Sent(sent, _) => *sent,
            other => panic!("{other:?}"),
        })
        .collect();
    let frame = 10_004;
    let expected = (1..=9).map(|n| match n * frame {
        0..=16_384 => Sent::Queued,
        // The last that is queued begins below 64 KiB.
        queued if queued - frame <= 65_536 => Sent::Pressure,
        _ => Sent::Dropped,
    });
    assert_eq!(outcomes, expected.collect::<Vec<_>>());
    assert!(outcomes.contains(&Sent::Dropped));
    let queued = outcomes
        .iter()
        .filter(|sent| **sent != Sent::Dropped)
        .count();
    assert_eq!(
        sends[queued - 1],
        Told::Sent(Sent::Pressure, queued * frame)
    );
    for _ in 0..queued {
        assert_eq!(client.next_payload(), [7; 10_000]);
    }
    assert_eq!(next(&told), Told::Drained(0));
    client.send_text("bad text");
    assert_eq!(next(&told), Told::Sent(Sent::Dropped, 0));
}

#[test]
fn an_error_of_a_call_closes_and_an_application_has_codes_of_its_own() {
    let (server, told) = start(1);
    for (word, code, text) in [
        (
            "bad topic",
            1008,
            "a topic's name has 1 to 255 bytes, and is not . or ..",
        ),
        ("kick", 4001, "out of lives"),
    ] {
        let mut client = Ws::connect(server.http(), "/any");
        assert!(matches!(next(&told), Told::Opened(..)));
        client.send_text(word);
        assert_eq!(client.expect_close(), (code, text.to_owned()));
        let Told::Closed(reason) = next(&told) else {
            panic!("a drain without pressure");
        };
        assert_eq!(reason.close_code(), Some(code));
    }
}

#[test]
fn every_shard_ticks() {
    let (server, _told) = start(3);
    let mut client = Ws::connect(server.http(), "/any");
    client.send_text("subscribe");
    let mut last = [0; 3];
    while last.iter().any(|number| *number < 5) {
        let text = client.next_text();
        let (shard, number) = text.split_once(' ').unwrap();
        let (shard, number): (usize, u64) = (shard.parse().unwrap(), number.parse().unwrap());
        assert!(last[shard] < number, "{text} after {last:?}");
        last[shard] = number;
    }
}
