//! Lists that the API is asked for.

use corecast::shard::mail::{Space, ToHome};
use corecast::{Config, Relay, RelaySettings, ShardId};

use crate::shard::Shard;
use crate::users::{give_space, go_on};

#[test]
fn a_list_for_which_a_lane_has_no_space_waits_for_that() {
    let relay = Relay::new(RelaySettings::default().with_api_key("k"));
    let mut shard = Shard::one(0, 2, Config::default(), relay);
    shard.core.mail()[1].to_home.set_space(Space::default());
    let elsewhere = |user: &String| shard.core.home_of_user(user) == ShardId::new(1);
    let user = (0..).map(|n| format!("u{n}")).find(elsewhere).unwrap();
    let body = format!("{{\"user\":\"{user}\"}}");
    let client = shard.connect();
    let len = body.len();
    shard.read(
        client,
        format!(
            "POST /api/connections HTTP/1.1\r\nHost: a\r\nX-API-Key: k\r\n\
             Content-Length: {len}\r\n\r\n{body}"
        ),
    );
    go_on(&mut shard);
    shard.answer();
    go_on(&mut shard);
    assert_eq!(shard.take(client), b"", "it is not an error");
    give_space(&mut shard);
    go_on(&mut shard);
    let asked = shard.core.mail()[1].to_home.pop();
    assert!(matches!(asked, Some(ToHome::Command(_))));
    assert_eq!(shard.take(client), b"");
    drop(asked);
    shard.answer();
    go_on(&mut shard);
    let answer = String::from_utf8(shard.take(client)).unwrap();
    assert!(answer.contains("\"code\":100,"), "{answer}");
}
