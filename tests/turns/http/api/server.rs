//! What the server has.

use super::Scene;
use crate::http::get;

#[test]
fn the_server_tells_what_it_has() {
    let mut scene = Scene::new();
    let info = scene.ask("info", "{}");
    let expected = r#""num_clients":2,"num_users":0,"num_subs":1,"num_channels":1,"uptime":"#;
    assert!(info.contains(expected), "{info}");
    assert!(
        info.starts_with(r#"{"result":{"nodes":[{"uid":""#),
        "{info}"
    );
}

#[test]
fn channels_with_subscribers_are_listed_by_a_pattern() {
    let mut scene = Scene::new();
    for path in ["/sse/room:1", "/sse/room:2", "/sse/room:2"] {
        let client = scene.server.connect();
        scene.server.send(client, get(path));
        scene.server.take(client);
    }
    for (body, expected) in [
        (
            "{}",
            r#""news":{"num_clients":1},"room:1":{"num_clients":1},"room:2":{"num_clients":2}"#,
        ),
        (
            r#"{"pattern":"room:?"}"#,
            r#""room:1":{"num_clients":1},"room:2":{"num_clients":2}"#,
        ),
        (r#"{"pattern":"*:2"}"#, r#""room:2":{"num_clients":2}"#),
        (r#"{"pattern":"x"}"#, ""),
    ] {
        let channels = scene.ask("channels", body);
        assert_eq!(
            channels,
            format!(r#"{{"result":{{"channels":{{{expected}}}}}}}"#)
        );
    }
    let wrong = scene.ask("channels", r#"{"pattern":"[a"}"#);
    assert!(wrong.starts_with(r#"{"error":{"code":107,"#), "{wrong}");
    let batch = scene.ask(
        "batch",
        r#"{"commands":[{"channels":{"pattern":"news"}},{"info":{}}]}"#,
    );
    let start =
        r#"{"replies":[{"channels":{"channels":{"news":{"num_clients":1}}}},{"info":{"nodes":["#;
    assert!(batch.starts_with(start), "{batch}");
}
