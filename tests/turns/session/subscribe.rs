//! Subscribe, unsubscribe and publish, without a history.

use super::*;

#[test]
fn a_subscription_is_answered_before_the_first_message() {
    let mut scene = Scene::connected(Config::default());
    let told = scene.ask(
        "{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}\n\
         {\"id\":3,\"publish\":{\"channel\":\"news\",\"data\":{\"n\":1}}}",
    );
    let own =
        r#"{"push":{"channel":"news","pub":{"data":{"n":1},"info":{"user":"","client":"0.0.1"}}}}"#;
    assert_eq!(
        told,
        [
            r#"{"id":2,"subscribe":{}}"#,
            r#"{"id":3,"publish":{}}"#,
            own
        ]
    );
}

#[test]
fn others_get_what_is_published_until_they_unsubscribe() {
    let mut scene = Scene::connected(Config::default());
    let other = scene.another();
    scene.say_as(other, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    scene.hear_as(other);
    assert_eq!(
        scene.ask(r#"{"id":2,"publish":{"channel":"news","data":"a"}}"#),
        [r#"{"id":2,"publish":{}}"#]
    );
    let told = scene.hear_as(other);
    assert_eq!(told.len(), 1, "{told:?}");
    scene.say_as(other, r#"{"id":3,"unsubscribe":{"channel":"news"}}"#);
    let done = r#"{"id":3,"unsubscribe":{}}"#;
    assert_eq!(scene.hear_as(other), [Told::Text(done.to_owned())]);
    scene.say(r#"{"id":3,"publish":{"channel":"news","data":"b"}}"#);
    assert_eq!(scene.hear_as(other), []);
}

#[test]
fn what_is_published_beside_the_protocol_is_embedded_as_json() {
    let mut scene = Scene::connected(Config::default());
    scene.say(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    scene.hear();
    let publisher = scene.shard.upgrade("/pub/news", "");
    for (first, payload, data) in [
        (0x81, &b"{\"a\":\n1}"[..], r#"{"a": 1}"#),
        (0x81, b"no json\n", r#""no json\n""#),
        (0x82, &[0, 1], r#""AAE=""#),
    ] {
        scene.shard.read(publisher, frame(first, payload));
        scene.shard.rest();
        let push = format!(r#"{{"push":{{"channel":"news","pub":{{"data":{data}}}}}}}"#);
        assert_eq!(scene.texts(), [push]);
    }
}

#[test]
fn a_second_subscription_to_a_topic_is_refused() {
    let mut scene = Scene::connected(Config::default());
    let subscribe = r#"{"id":2,"subscribe":{"channel":"news"}}"#;
    let mut told = scene.ask(&format!("{subscribe}\n{subscribe}"));
    told.extend(scene.ask(subscribe));
    let error = r#"{"id":2,"error":{"code":105,"message":"already subscribed"}}"#;
    // The first one waits for the topic's home.
    assert_eq!(told, [error, r#"{"id":2,"subscribe":{}}"#, error]);
}

#[test]
fn what_is_not_offered_is_refused_by_its_code() {
    let mut scene = Scene::connected(Config::default());
    for (field, code) in [
        (r#""tf":{"op":"and"}"#, 107),
        (r#""type":1"#, 108),
        (r#""type":2"#, 108),
        (r#""type":3"#, 108),
        (r#""type":4"#, 108),
        (r#""type":5"#, 107),
    ] {
        let told = scene.ask(&format!(
            r#"{{"id":2,"subscribe":{{"channel":"a",{field}}}}}"#
        ));
        let error = format!(r#"{{"id":2,"error":{{"code":{code},"#);
        assert!(told[0].starts_with(&error), "{field}: {told:?}");
    }
    // What is optional is declined by leaving it out.
    let told = scene
        .ask(r#"{"id":2,"subscribe":{"channel":"a","flag":1,"delta":"fossil","join_leave":true}}"#);
    assert_eq!(told, [r#"{"id":2,"subscribe":{}}"#]);
    scene.say(r#"{"id":3,"subscribe":{"channel":"b","delta":"vcdiff"}}"#);
    assert_eq!(scene.hear(), [close(3501, "bad request")]);
}

#[test]
fn a_command_without_a_channel_is_a_bad_request() {
    for command in [
        r#""subscribe":{}"#,
        r#""unsubscribe":{}"#,
        r#""publish":{"data":1}"#,
        r#""history":{}"#,
        r#""presence":{}"#,
        r#""presence_stats":{}"#,
        r#""sub_refresh":{"token":"t"}"#,
    ] {
        let mut scene = Scene::connected(Config::default());
        scene.say(&format!(r#"{{"id":2,{command}}}"#));
        assert_eq!(scene.hear(), [close(3501, "bad request")], "{command}");
    }
}

#[test]
fn a_name_that_no_topic_can_have_is_refused() {
    let mut scene = Scene::connected(Config::default());
    let long = "x".repeat(256);
    for channel in [".", "..", &long] {
        let told = scene.ask(&format!(
            r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#
        ));
        let error = r#"{"id":2,"error":{"code":107,"message":"bad request"}}"#;
        assert_eq!(told, [error]);
    }
}

#[test]
fn a_subscription_that_waits_for_its_home_holds_up_no_other_command() {
    let mut shard = Shard::among(2, Config::default(), corecast::Relay::default());
    let client = shard.upgrade(PATH, "");
    let far = crate::shard::topics_at(1).next().unwrap();
    let near = crate::shard::topics_at(0).next().unwrap();
    let mut scene = Scene { shard, client };
    scene.say(CONNECT);
    scene.hear();
    let told = scene.ask(&format!(
        "{{\"id\":2,\"subscribe\":{{\"channel\":\"{}\"}}}}\n{{\"id\":3,\"subscribe\":{{\"channel\":\"{}\"}}}}",
        far.name(),
        near.name()
    ));
    assert_eq!(told, [r#"{"id":3,"subscribe":{}}"#]);
    // Its command is answered before that which ends it.
    let told = scene.ask(&format!(
        r#"{{"id":4,"unsubscribe":{{"channel":"{}"}}}}"#,
        far.name()
    ));
    assert_eq!(
        told,
        [r#"{"id":2,"subscribe":{}}"#, r#"{"id":4,"unsubscribe":{}}"#]
    );
}
