//! Names of topics that say which clients may read them, on every path.

use super::identity::{connect, scene_of, token};
use super::*;

#[test]
fn users_that_a_name_does_not_list_learn_nothing_of_its_topic() {
    let bob = token(r#"{"sub":"bob"}"#);
    let rules = ["users subscribe+publish+history+presence #"];
    let mut scene = scene_of(with_history(10), &rules, false);
    scene.ask(&connect(&bob));
    for (command, channel, is_open) in [
        ("history", "news", true),
        ("history", "#ann", false),
        ("history", "#ann,bob", true),
        ("presence", "#ann", false),
    ] {
        scene.say(&format!(
            r#"{{"id":2,"{command}":{{"channel":"{channel}"}}}}"#
        ));
        scene.shard.answer();
        scene.shard.rest();
        let told = scene.texts();
        assert_eq!(
            !told[0].contains(r#""code":103"#),
            is_open,
            "{command} {channel}: {told:?}"
        );
    }
    for (path, status) in [
        ("/sub/news", "101"),
        ("/sub/%23bob", "101"),
        ("/sub/%23ann", "403"),
        ("/ws/%23ann", "403"),
        ("/sub/%24secret", "403"),
        ("/pub/%23ann", "101"),
    ] {
        let field = format!("Authorization: Bearer {bob}\r\n");
        let (_, answer) = scene.shard.ask_to_upgrade(path, &field);
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{path}: {answer}");
    }
}
