//! Positions, recovery and history.

use super::*;

/// The epoch of a topic, of which the client is told with its subscription.
fn subscribe(scene: &mut Scene, fields: &str) -> (String, String) {
    let told = scene.ask(&format!(
        r#"{{"id":2,"subscribe":{{"channel":"news"{fields}}}}}"#
    ));
    let answer = told[0].clone();
    let epoch = answer.split(r#""epoch":""#).nth(1).unwrap_or_default();
    let epoch = epoch.split('"').next().unwrap_or_default().to_owned();
    let answer = answer.replace(&format!("{epoch:?}"), r#""EPOCH""#);
    (answer, epoch)
}

fn publish(scene: &mut Scene, count: usize) {
    for n in 1..=count {
        scene.say(&format!(
            r#"{{"id":9,"publish":{{"channel":"news","data":{n}}}}}"#
        ));
    }
    scene.hear();
}

#[test]
fn a_plain_subscription_is_told_no_position() {
    let mut scene = Scene::connected(with_history(10));
    let told = scene.ask(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    assert_eq!(told, [r#"{"id":2,"subscribe":{}}"#]);
}

#[test]
fn a_positioned_subscription_begins_at_the_newest_message() {
    let mut scene = Scene::connected(with_history(10));
    publish(&mut scene, 3);
    let (answer, _) = subscribe(&mut scene, r#","positioned":true"#);
    let expected = r#"{"id":2,"subscribe":{"epoch":"EPOCH","offset":3,"positioned":true}}"#;
    assert_eq!(answer, expected);
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_missed_and_nothing_twice() {
    let mut scene = Scene::connected(with_history(10));
    let (_, epoch) = subscribe(&mut scene, r#","recoverable":true"#);
    publish(&mut scene, 3);
    scene.say(r#"{"id":3,"unsubscribe":{"channel":"news"}}"#);
    publish(&mut scene, 2);
    let fields = format!(r#","recover":true,"offset":3,"epoch":"{epoch}""#);
    let (answer, _) = subscribe(&mut scene, &fields);
    let info = r#""info":{"user":"","client":"0.0.1"}"#;
    let expected = format!(
        "{{\"id\":2,\"subscribe\":{{\"recoverable\":true,\"epoch\":\"EPOCH\",\"publications\":[\
         {{\"data\":1,{info},\"offset\":4}},{{\"data\":2,{info},\"offset\":5}}],\
         \"recovered\":true,\"offset\":3,\"positioned\":true,\"was_recovering\":true}}}}"
    );
    assert_eq!(answer, expected);
    let told = scene.ask(r#"{"id":3,"publish":{"channel":"news","data":7}}"#);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains(r#""offset":6"#), "{told:?}");
}

#[test]
fn what_is_not_all_there_is_not_recovered() {
    let mut scene = Scene::connected(with_history(2));
    let (_, epoch) = subscribe(&mut scene, r#","recoverable":true"#);
    publish(&mut scene, 5);
    let unrecovered = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":5,"positioned":true,"was_recovering":true}}"#;
    for fields in [
        format!(r#","recover":true,"offset":1,"epoch":"{epoch}""#),
        format!(r#","recover":true,"offset":9,"epoch":"{epoch}""#),
        r#","recover":true,"offset":5,"epoch":"aaaaaaab""#.to_owned(),
        r#","recover":true,"epoch":"_""#.to_owned(),
        // From the beginning, in whatever epoch.
        r#","recover":true"#.to_owned(),
    ] {
        scene.say(r#"{"id":3,"unsubscribe":{"channel":"news"}}"#);
        scene.hear();
        assert_eq!(subscribe(&mut scene, &fields).0, unrecovered, "{fields}");
    }
    scene.say(r#"{"id":3,"unsubscribe":{"channel":"news"}}"#);
    scene.hear();
    // The client would rather load its state anew.
    let (answer, _) = subscribe(&mut scene, r#","recover":true,"flag":2"#);
    let error = r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#;
    assert_eq!(answer, error);
    // It has no subscription.
    publish(&mut scene, 1);
    let (answer, _) = subscribe(&mut scene, "");
    assert_eq!(answer, r#"{"id":2,"subscribe":{}}"#);
}

#[test]
fn from_the_beginning_in_any_epoch_is_recovered_if_all_is_there() {
    let mut scene = Scene::connected(with_history(10));
    publish(&mut scene, 2);
    let (answer, _) = subscribe(&mut scene, r#","recover":true"#);
    assert!(
        answer.contains(r#""recovered":true,"positioned""#),
        "{answer}"
    );
    assert!(answer.contains(r#""offset":2}]"#), "{answer}");
}

#[test]
fn without_a_history_nothing_is_recovered() {
    let mut scene = Scene::connected(Config::default());
    let (answer, _) = subscribe(
        &mut scene,
        r#","recover":true,"recoverable":true,"offset":3"#,
    );
    assert_eq!(answer, r#"{"id":2,"subscribe":{"was_recovering":true}}"#);
}

#[test]
fn a_history_is_read_in_both_directions() {
    let mut scene = Scene::connected(with_history(10));
    publish(&mut scene, 5);
    let (_, epoch) = subscribe(&mut scene, r#","positioned":true"#);
    for (fields, offsets) in [
        (r#""limit":0"#.to_owned(), &[][..]),
        (String::from(r#""reverse":false"#), &[]),
        (r#""limit":-1"#.to_owned(), &[1, 2, 3, 4, 5]),
        (r#""limit":2"#.to_owned(), &[1, 2]),
        // As SDKs begin to page.
        (r#""limit":2,"since":{}"#.to_owned(), &[1, 2]),
        (r#""limit":2,"since":{"offset":3}"#.to_owned(), &[4, 5]),
        (r#""limit":2,"reverse":true"#.to_owned(), &[5, 4]),
        (
            format!(r#""limit":9,"since":{{"offset":3,"epoch":"{epoch}"}}"#),
            &[4, 5],
        ),
        (
            format!(r#""limit":9,"reverse":true,"since":{{"offset":3,"epoch":"{epoch}"}}"#),
            &[2, 1],
        ),
    ] {
        scene.say(&format!(
            r#"{{"id":4,"history":{{"channel":"news",{fields}}}}}"#
        ));
        scene.shard.answer();
        scene.shard.rest();
        let answer = scene.texts().remove(0);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let history = &answer["history"];
        let read = history["publications"].as_array().unwrap().iter();
        let read: Vec<u64> = read
            .map(|message| message["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(read, offsets, "{fields}");
        assert_eq!(history["offset"], 5, "{fields}");
        assert_eq!(history["epoch"], epoch, "{fields}");
    }
}

#[test]
fn a_question_that_no_history_can_answer_has_its_code() {
    let mut scene = Scene::connected(with_history(10));
    publish(&mut scene, 1);
    let (_, epoch) = subscribe(&mut scene, r#","positioned":true"#);
    for (fields, code) in [
        (r#""since":{"offset":1,"epoch":"foreign"}"#.to_owned(), 112),
        (r#""since":{"offset":1,"epoch":"aaaaaaab"}"#.to_owned(), 112),
        (
            format!(r#""reverse":true,"since":{{"epoch":"{epoch}"}}"#),
            107,
        ),
    ] {
        scene.say(&format!(
            r#"{{"id":4,"history":{{"channel":"news",{fields}}}}}"#
        ));
        scene.shard.answer();
        scene.shard.rest();
        let told = scene.texts();
        let error = format!(r#"{{"id":4,"error":{{"code":{code},"#);
        assert!(told[0].starts_with(&error), "{fields}: {told:?}");
    }
    let mut scene = Scene::connected(Config::default());
    let told = scene.ask(r#"{"id":4,"history":{"channel":"news"}}"#);
    assert_eq!(
        told,
        [r#"{"id":4,"error":{"code":108,"message":"not available"}}"#]
    );
}
