//! Tokens of sessions and of their subscriptions: what each outcome is answered with.

use corecast::auth::create;
use corecast::limits::SESSION_GRACE;

use super::identity::{NOW, connect, date, scene_of, token};
use super::*;

const OTHER: &[u8] = b"another secret of 32 bytes......";
const EXPIRED: u64 = NOW - 100;

/// A token of a user that expires in a minute.
fn ann() -> String {
    token(&format!(
        r#"{{"sub":"ann","exp":{},"info":{{"name":"Ann"}}}}"#,
        NOW + 60
    ))
}

fn scene_with(anonymous: bool) -> Scene {
    let rules = [
        "users subscribe+publish room",
        "users subscribe own/{user}/#",
        "users subscribe team/{claim.team}",
        "anonymous subscribe open",
    ];
    scene_of(with_history(10), &rules, anonymous)
}

pub(super) fn scene() -> Scene {
    scene_with(false)
}

/// One that has connected with this.
fn connected(token: &str) -> Scene {
    let mut scene = scene();
    let told = scene.ask(&connect(token));
    assert!(told[0].starts_with(r#"{"id":1,"connect""#), "{told:?}");
    scene
}

/// A command that may have to wait for its turn, as a token is checked.
pub(super) fn subscribe(scene: &mut Scene, channel: &str, token: &str) -> Vec<Told> {
    scene.say(&format!(
        r#"{{"id":2,"subscribe":{{"channel":"{channel}","token":"{token}"}}}}"#
    ));
    scene.hear()
}

pub(super) fn error(id: u32, code: u16, message: &str) -> Told {
    Told::Text(format!(
        r#"{{"id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#
    ))
}

#[test]
fn the_client_is_told_when_its_token_expires() {
    let mut scene = scene();
    let told = scene.ask(&connect(&ann()));
    assert!(told[0].contains(r#""expires":true,"ttl":60,"#), "{told:?}");
    let mut scene = connected(&token(r#"{"sub":"ann"}"#));
    scene.shard.wait(Duration::from_secs(10));
    assert_eq!(scene.hear(), []);
}

#[test]
fn a_token_that_is_not_accepted_has_its_own_end() {
    let expired = token(&format!(r#"{{"sub":"ann","exp":{EXPIRED}}}"#));
    let early = token(&format!(r#"{{"sub":"ann","nbf":{}}}"#, NOW + 1000));
    let foreign = create(OTHER, r#"{"sub":"ann"}"#).unwrap();
    let of_channel = token(r#"{"sub":"ann","channel":"room"}"#);
    let of_nobody = token("{}");
    for (token, expected) in [
        (&*expired, error(1, 109, "token expired")),
        (&early, error(1, 109, "token expired")),
        (&foreign, close(3500, "invalid token")),
        (&of_channel, close(3500, "invalid token")),
        ("no token", close(3500, "invalid token")),
        ("", close(3501, "bad request")),
        (&of_nobody, close(3507, "permission denied")),
    ] {
        let mut scene = scene();
        scene.say(&connect(token));
        assert_eq!(scene.hear(), [expected], "{token}");
    }
}

#[test]
fn anonymous_clients_connect_where_they_are_served() {
    let mut scene = scene_with(true);
    assert_eq!(scene.ask(&connect("")).len(), 1);
    assert_eq!(subscribe(&mut scene, "open", "").len(), 1);
    let denied = error(2, 103, "permission denied");
    assert_eq!(subscribe(&mut scene, "room", ""), [denied]);
}

#[test]
fn a_session_ends_some_time_after_its_token() {
    let mut scene = connected(&ann());
    scene.shard.pass(Duration::from_secs(20));
    // What its leeway allows comes before the grace.
    scene.shard.core.set_date(date(NOW + 20));
    let until = Duration::from_secs(40) + SESSION_GRACE + corecast::limits::TOKEN_LEEWAY;
    answer_pings(&mut scene, until - Duration::from_secs(2));
    assert_eq!(scene.hear(), []);
    scene.shard.wait(Duration::from_secs(4));
    assert_eq!(scene.hear(), [close(3005, "connection expired")]);
}

/// Time passes, and the client answers pings.
fn answer_pings(scene: &mut Scene, time: Duration) {
    let mut waited = Duration::ZERO;
    while waited < time {
        scene.shard.wait(Duration::from_secs(1));
        waited += Duration::from_secs(1);
        for told in scene.hear() {
            assert_eq!(told, Told::Text("{}".to_owned()));
            scene.say("{}");
        }
    }
}

#[test]
fn a_new_token_keeps_the_session_and_another_does_not() {
    let longer = token(&format!(r#"{{"sub":"ann","exp":{}}}"#, NOW + 3600));
    let mut scene = connected(&ann());
    let refresh = |token: &str| format!(r#"{{"id":3,"refresh":{{"token":"{token}"}}}}"#);
    let told = scene.ask(&refresh(&longer));
    assert!(
        told[0].ends_with(r#""expires":true,"ttl":3600}}"#),
        "{told:?}"
    );
    answer_pings(&mut scene, Duration::from_secs(200));
    let expired = token(&format!(r#"{{"sub":"ann","exp":{EXPIRED}}}"#));
    let of_bob = token(r#"{"sub":"bob"}"#);
    for (token, expected) in [
        (&*expired, close(3005, "connection expired")),
        (&of_bob, close(3500, "invalid token")),
        ("no token", close(3500, "invalid token")),
        ("", close(3501, "bad request")),
    ] {
        let mut scene = connected(&ann());
        scene.say(&refresh(token));
        assert_eq!(scene.hear(), [expected], "{token}");
    }
}

#[test]
fn rules_and_the_token_say_what_a_client_may_do() {
    let mut scene = connected(&token(r#"{"sub":"ann","team":"red","channels":["extra"]}"#));
    for (channel, may) in [
        ("room", true),
        ("own/ann/1", true),
        ("own/bob/1", false),
        ("team/red", true),
        ("team/blue", false),
        ("extra", true),
        ("other", false),
    ] {
        let told = subscribe(&mut scene, channel, "");
        let is_denied = told == [error(2, 103, "permission denied")];
        assert_eq!(is_denied, !may, "{channel}: {told:?}");
    }
    scene.say(r#"{"id":3,"publish":{"channel":"extra","data":1}}"#);
    assert_eq!(scene.hear(), [error(3, 103, "permission denied")]);
    scene.say(r#"{"id":3,"history":{"channel":"room"}}"#);
    assert_eq!(scene.hear(), [error(3, 103, "permission denied")]);
}

#[test]
fn a_subscription_that_may_not_read_the_history_is_told_no_position() {
    let mut scene = connected(&ann());
    scene.say(r#"{"id":2,"subscribe":{"channel":"room","recoverable":true}}"#);
    let plain = r#"{"id":2,"subscribe":{}}"#;
    assert_eq!(scene.hear(), [Told::Text(plain.to_owned())]);
}

#[test]
fn publications_name_their_publisher_as_its_tokens_do() {
    let mut scene = connected(&ann());
    subscribe(&mut scene, "room", "");
    scene.say(r#"{"id":3,"publish":{"channel":"room","data":1}}"#);
    let told = scene.texts();
    let info = r#""info":{"user":"ann","client":"0.0.1","conn_info":{"name":"Ann"}}"#;
    assert!(told[1].contains(info), "{told:?}");
    scene.say(r#"{"id":3,"unsubscribe":{"channel":"room"}}"#);
    scene.hear();
    let room = token(r#"{"sub":"ann","channel":"room","b64info":"eyJhIjoxfQ=="}"#);
    subscribe(&mut scene, "room", &room);
    scene.say(r#"{"id":3,"publish":{"channel":"room","data":1}}"#);
    let told = scene.texts();
    assert!(told[1].contains(r#","chan_info":{"a":1}}"#), "{told:?}");
}

#[test]
fn a_token_for_a_subscription_decides_alone() {
    let of = |claims: &str| token(&format!(r#"{{"sub":"ann",{claims}}}"#));
    let good = of(r#""channel":"$secret""#);
    let mut scene = connected(&ann());
    let told = subscribe(&mut scene, "$secret", &good);
    assert_eq!(told, [Told::Text(r#"{"id":2,"subscribe":{}}"#.to_owned())]);
    let expired = of(&format!(r#""channel":"a","exp":{EXPIRED}"#));
    let foreign = create(OTHER, r#"{"sub":"ann","channel":"a"}"#).unwrap();
    let of_bob = token(r#"{"sub":"bob","channel":"a"}"#);
    let of_client = of(r#""channel":"a","client":"0.9.9""#);
    let own = of(r#""channel":"a","client":"0.0.1""#);
    for (token, expected) in [
        (&*expired, error(2, 109, "token expired")),
        (&foreign, error(2, 103, "permission denied")),
        (&ann(), error(2, 103, "permission denied")),
        ("no token", error(2, 103, "permission denied")),
        (&good, close(3500, "invalid token")),
        (&of_bob, close(3500, "invalid token")),
        (&of_client, close(3500, "invalid token")),
        (&own, Told::Text(r#"{"id":2,"subscribe":{}}"#.to_owned())),
    ] {
        let mut scene = connected(&ann());
        assert_eq!(subscribe(&mut scene, "a", token), [expected], "{token}");
    }
}

#[test]
fn a_subscription_ends_some_time_after_its_token_and_its_client_comes_back() {
    let until = |secs: u64| {
        token(&format!(
            r#"{{"sub":"ann","channel":"a","exp":{}}}"#,
            NOW + secs
        ))
    };
    let mut scene = connected(&token(r#"{"sub":"ann"}"#));
    let told = subscribe(&mut scene, "a", &until(10));
    let answer = r#"{"id":2,"subscribe":{"expires":true,"ttl":10}}"#;
    assert_eq!(told, [Told::Text(answer.to_owned())]);
    let refresh =
        |token: &str| format!(r#"{{"id":3,"sub_refresh":{{"channel":"a","token":"{token}"}}}}"#);
    let told = scene.ask(&refresh(&until(60)));
    assert_eq!(
        told,
        [r#"{"id":3,"sub_refresh":{"expires":true,"ttl":60}}"#]
    );
    answer_pings(&mut scene, Duration::from_secs(58) + SESSION_GRACE);
    scene.shard.wait(Duration::from_secs(4));
    let told = scene.texts();
    let push =
        r#"{"push":{"channel":"a","unsubscribe":{"code":2501,"reason":"subscription expired"}}}"#;
    assert!(told.contains(&push.to_owned()), "{told:?}");
    scene.say(&refresh(&until(60)));
    assert!(scene.hear().contains(&error(3, 103, "permission denied")));
    // It may subscribe again.
    assert_eq!(subscribe(&mut scene, "a", &until(90)).len(), 1);
    let expired = token(&format!(r#"{{"sub":"ann","channel":"a","exp":{EXPIRED}}}"#));
    for (token, expected) in [
        ("", error(3, 107, "bad request")),
        (&*expired, error(3, 110, "expired")),
        ("no token", close(3500, "invalid token")),
    ] {
        scene.say(&refresh(token));
        assert_eq!(scene.hear(), [expected], "{token}");
    }
}
