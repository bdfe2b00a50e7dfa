//! Presence: which clients have subscribed to a topic.

use super::*;

/// Topics tell their clients.
fn with_presence() -> Config {
    let settings = TopicSettings {
        presence: true,
        ..TopicSettings::default()
    };
    of_all(settings)
}

/// Asks a question that the topic's home answers.
fn ask(scene: &mut Scene, question: &str) -> Vec<String> {
    scene.say(&format!(r#"{{"id":4,"{question}":{{"channel":"news"}}}}"#));
    scene.shard.answer();
    scene.shard.rest();
    scene.texts()
}

#[test]
fn the_clients_of_a_topic_are_listed_and_counted_exactly() {
    let mut scene = Scene::connected(with_presence());
    let nobody = [r#"{"id":4,"presence":{"presence":{}}}"#];
    assert_eq!(ask(&mut scene, "presence"), nobody);
    let other = scene.another();
    scene.say_as(other, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    scene.say(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    scene.hear();
    let told = ask(&mut scene, "presence");
    let told: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    let clients = told["presence"]["presence"].as_object().unwrap();
    assert_eq!(clients.len(), 2);
    assert_eq!(clients["0.0.1"]["client"], "0.0.1");
    let counted = r#"{"id":4,"presence_stats":{"num_clients":2,"num_users":1}}"#;
    assert_eq!(ask(&mut scene, "presence_stats"), [counted]);
    scene.say(r#"{"id":3,"unsubscribe":{"channel":"news"}}"#);
    scene.hear();
    let counted = r#"{"id":4,"presence_stats":{"num_clients":1,"num_users":1}}"#;
    assert_eq!(ask(&mut scene, "presence_stats"), [counted]);
}

#[test]
fn a_topic_without_presence_has_none_to_tell() {
    let mut scene = Scene::connected(Config::default());
    for question in ["presence", "presence_stats"] {
        let error = r#"{"id":4,"error":{"code":108,"message":"not available"}}"#;
        assert_eq!(ask(&mut scene, question), [error]);
    }
}
