use crate::client::core::Core;
use crate::client::core::settings::Settings;
use crate::client::core::tests::{
    START, connected, dial, disconnected, events, frame, grant, half, read, secs, websocket,
};
use crate::position::Since;
use crate::proto::Kind;
use crate::proto::positions::SUBPROTOCOL;

fn settings() -> Settings {
    let mut settings = websocket();
    let offer = settings.offer.as_mut().unwrap();
    offer.protocols = vec![SUBPROTOCOL.to_owned()];
    settings
}

/// The target that is asked for, and the greeting of a server with or without positions.
fn greet(core: &mut Core, agrees: bool) -> String {
    let request = String::from_utf8(core.out().to_vec()).unwrap();
    let mut answer = String::from_utf8(grant(core)).unwrap();
    if agrees {
        let field = format!("\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n");
        answer = answer.replacen("\r\n", &field, 1);
    }
    core.handle_bytes(&mut answer.into_bytes(), START);
    assert_eq!(events(core).len(), 1, "connected");
    request.split(' ').nth(1).unwrap().to_owned()
}

fn says(core: &mut Core, text: &str) -> Vec<String> {
    core.handle_bytes(&mut frame(Kind::Text, text.as_bytes()), START);
    events(core)
}

fn reconnect(core: &mut Core, agrees: bool) -> String {
    core.handle_end(None, START);
    events(core);
    dial(core, secs(60));
    greet(core, agrees)
}

const A: &str = "Message { kind: Text, payload: [97], position: Some(Position { epoch: mzxw6ytb, \
                 offset: 8 }) }";

#[test]
fn a_client_goes_on_where_it_was() {
    let mut core = connected(settings());
    assert_eq!(greet(&mut core, true), "/");
    assert_eq!(says(&mut core, "mzxw6ytb:7"), [""; 0], "where it stands");
    assert_eq!(reconnect(&mut core, true), "/?since=mzxw6ytb:7");
    let recovered = "Recovered { from: Position { epoch: mzxw6ytb, offset: 7 } }";
    assert_eq!(says(&mut core, "mzxw6ytb:8\na"), [recovered, A]);
    assert_eq!(reconnect(&mut core, true), "/?since=mzxw6ytb:8");
    let private = "Message { kind: Text, payload: [98], position: None }";
    assert_eq!(
        says(&mut core, "\nb"),
        [private],
        "says nothing of the topic"
    );
    let recovered = "Recovered { from: Position { epoch: mzxw6ytb, offset: 8 } }";
    assert_eq!(says(&mut core, "mzxw6ytb:8"), [recovered]);
    assert_eq!(says(&mut core, "mzxw6ytb:8"), [""; 0], "once");
}

#[test]
fn a_gap_is_told_and_what_follows_is_complete() {
    let mut core = connected(settings());
    greet(&mut core, true);
    says(&mut core, "mzxw6ytb:7");
    reconnect(&mut core, true);
    let gap = "Gap { position: Some(Position { epoch: aaaaaaab, offset: 2 }) }";
    assert_eq!(says(&mut core, "gap aaaaaaab:2"), [gap]);
    assert_eq!(reconnect(&mut core, true), "/?since=aaaaaaab:2");
    assert_eq!(says(&mut core, "gap"), ["Gap { position: None }"]);
    assert_eq!(
        reconnect(&mut core, true),
        "/",
        "there is no history any more"
    );
}

#[test]
fn a_server_without_positions_is_taken_as_it_is() {
    let mut core = connected(settings());
    greet(&mut core, false);
    let plain = "Message { kind: Text, payload: [103, 97, 112], position: None }";
    assert_eq!(says(&mut core, "gap"), [plain]);
    assert_eq!(reconnect(&mut core, true), "/");
    says(&mut core, "mzxw6ytb:7");
    assert_eq!(reconnect(&mut core, false), "/?since=mzxw6ytb:7");
    assert_eq!(says(&mut core, "gap"), [plain], "and nothing is recovered");
}

#[test]
fn a_client_that_knows_its_position_asks_at_once_and_adds_to_a_query() {
    let mut settings = settings();
    settings.since = Since::position("mzxw6ytb:7");
    settings.offer.as_mut().unwrap().target = "/ws/a?b=c".to_owned();
    let mut core = Core::new(settings, half, START);
    dial(&mut core, START);
    assert_eq!(greet(&mut core, true), "/ws/a?b=c&since=mzxw6ytb:7");
    assert_eq!(says(&mut core, "mzxw6ytb:8\na").len(), 2);
    assert_eq!(core.position(), "mzxw6ytb:8".parse().ok());
}

#[test]
fn the_newest_messages_are_asked_for_until_the_first_connection() {
    let mut settings = settings();
    settings.since = Since::Last(3);
    let mut core = Core::new(settings, half, START);
    dial(&mut core, START);
    assert!(core.out().starts_with(b"GET /?last=3 "));
    core.handle_end(None, START);
    events(&mut core);
    assert_eq!(reconnect(&mut core, true), "/?last=3", "nothing has come");
    assert_eq!(reconnect(&mut core, true), "/");
    says(&mut core, "mzxw6ytb:7");
    assert_eq!(reconnect(&mut core, true), "/?since=mzxw6ytb:7");
}

#[test]
fn what_has_no_line_ends_the_connection() {
    let mut core = connected(settings());
    greet(&mut core, true);
    assert_eq!(says(&mut core, "hello"), [""; 0]);
    let said = read(&mut core);
    assert!(said[0].starts_with("Close { code: Some(1002)"), "{said:?}");
    core.handle_end(None, START);
    assert_eq!(
        events(&mut core),
        disconnected("Positions(FrameError)", None)
    );
}
