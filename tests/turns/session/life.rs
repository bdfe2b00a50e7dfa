//! Pings, pongs and ends.

use std::time::Duration;

use corecast::limits::{PING_INTERVAL, SESSION_PONG_TIMEOUT};
use corecast::{Cx, Handler};

use super::*;
use crate::shard::Answer;

const A_MOMENT: Duration = Duration::from_millis(200);

/// Time passes until the client is pinged.
fn wait_for_ping(scene: &mut Scene) -> Duration {
    let mut waited = Duration::ZERO;
    while waited < 2 * PING_INTERVAL {
        scene.shard.wait(A_MOMENT);
        waited += A_MOMENT;
        let told = scene.hear();
        if !told.is_empty() {
            assert_eq!(told, [Told::Text("{}".to_owned())]);
            return waited;
        }
    }
    panic!("no ping");
}

#[test]
fn a_client_is_pinged_at_its_intervals_whatever_it_sends() {
    let mut scene = Scene::connected(Config::default());
    let first = wait_for_ping(&mut scene);
    assert!(
        (PING_INTERVAL / 2..=PING_INTERVAL + A_MOMENT).contains(&first),
        "{first:?}"
    );
    scene.say("{}");
    for _ in 0..3 {
        scene.shard.wait(PING_INTERVAL / 2);
        assert_eq!(
            scene.ask(r#"{"id":5,"unsubscribe":{"channel":"a"}}"#).len(),
            1
        );
        let later = wait_for_ping(&mut scene);
        assert!(later <= PING_INTERVAL / 2 + A_MOMENT, "{later:?}");
        scene.say("{}");
        assert_eq!(scene.hear(), []);
    }
}

#[test]
fn clients_that_connect_at_once_are_not_pinged_at_once() {
    let mut scene = Scene::connected(Config::default());
    let clients: Vec<ConnId> = (0..50).map(|_| scene.another()).collect();
    scene.shard.wait(PING_INTERVAL * 3 / 4);
    let pinged = clients
        .iter()
        .filter(|client| !scene.shard.take(**client).is_empty());
    assert!((10..40).contains(&pinged.count()));
}

#[test]
fn a_client_that_does_not_answer_is_closed() {
    let mut scene = Scene::connected(Config::default());
    wait_for_ping(&mut scene);
    scene.shard.wait(SESSION_PONG_TIMEOUT - 2 * A_MOMENT);
    assert_eq!(scene.hear(), []);
    scene.shard.wait(4 * A_MOMENT);
    assert_eq!(scene.hear(), [close(3012, "no pong")]);
}

#[test]
fn a_pong_that_nothing_asked_for_is_a_bad_request() {
    let mut scene = Scene::connected(Config::default());
    scene.say("{}");
    assert_eq!(scene.hear(), [close(3501, "bad request")]);
    let mut scene = Scene::connected(Config::default());
    wait_for_ping(&mut scene);
    scene.say("{}");
    assert_eq!(scene.hear(), []);
    scene.say("{}");
    assert_eq!(scene.hear(), [close(3501, "bad request")]);
}

#[test]
fn a_client_may_be_pinged_by_frames_instead() {
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade(&format!("{PATH}?cf_ws_frame_ping_pong=true"), "");
    let mut scene = Scene { shard, client };
    let told = scene.ask(CONNECT);
    assert!(
        !told[0].contains("ping") && !told[0].contains("pong"),
        "{told:?}"
    );
    scene.shard.wait(PING_INTERVAL + A_MOMENT);
    assert_eq!(scene.hear(), [Told::Ping]);
    scene.shard.read(client, frame(0x8a, b""));
    scene.shard.wait(SESSION_PONG_TIMEOUT + A_MOMENT);
    assert_eq!(scene.hear(), []);
}

#[test]
fn a_client_that_closes_is_answered_with_its_code_and_a_text() {
    let mut scene = Scene::connected(Config::default());
    scene
        .shard
        .read(scene.client, frame(0x88, &1000_u16.to_be_bytes()));
    scene.shard.rest();
    assert_eq!(scene.hear(), [close(1000, "disconnect")]);
}

#[test]
fn a_message_that_is_too_long_has_the_code_of_websocket() {
    let config = Config {
        message_bytes_max: 100,
        ..Config::default()
    };
    let mut scene = Scene::connected(config);
    scene.say(&format!(
        r#"{{"id":2,"rpc":{{"data":"{}"}}}}"#,
        "x".repeat(100)
    ));
    assert_eq!(scene.hear(), [close(1009, "protocol error")]);
}

/// Gives each connection so much time.
struct Ephemeral(Duration);

impl Handler for Ephemeral {
    type Conn = ();
    type Answer = Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Answer>,
        _: &corecast::Opening<'_>,
    ) -> Result<(), corecast::Refusal> {
        cx.close_after(self.0);
        assert!(cx.open_session());
        Ok(())
    }

    fn on_message(
        &mut self,
        _: &mut Cx<'_, (), Answer>,
        _: corecast::Message<'_>,
    ) -> Result<(), corecast::Halt> {
        panic!("a session has commands");
    }
}

#[test]
fn a_client_that_connects_has_no_more_time_than_the_application_gives_it() {
    let time = Duration::from_secs(11);
    let mut scene = Scene::of(Shard::of(Config::default(), Ephemeral(time)));
    assert_eq!(scene.ask(CONNECT).len(), 1);
    scene.shard.wait(time - A_MOMENT);
    assert_eq!(scene.hear(), []);
    scene.shard.wait(2 * A_MOMENT);
    assert_eq!(scene.hear(), [close(3005, "connection expired")]);
}

/// Ends each connection in this way when its client sends something.
struct Ending(corecast::CloseReason);

impl Handler for Ending {
    opens_sessions!();

    fn on_send(&mut self, _: &mut Cx<'_, (), Answer>, _: &[u8]) -> Result<(), corecast::Failure> {
        Err(self.0.into())
    }
}

#[test]
fn every_end_has_a_code_and_a_text_for_sdks() {
    for reason in corecast::CloseReason::all() {
        let Some((code, words)) = reason.for_sdk() else {
            continue;
        };
        let mut scene = Scene::of(Shard::of(Config::default(), Ending(reason)));
        scene.say(CONNECT);
        scene.hear();
        scene.say(r#"{"send":{"data":1}}"#);
        let told = scene.hear();
        let words = if words.is_empty() {
            "disconnect"
        } else {
            words
        };
        assert_eq!(told, [close(code, words)], "{reason}");
    }
}
