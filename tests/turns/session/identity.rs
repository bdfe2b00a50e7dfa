//! A server that asks for identity, and tokens for it.

use corecast::auth::{ApiKeys, Auth, Key, Places, Rules, Verifier, create};
use corecast::proto::http::Date;

use super::*;

/// Of the API key "test", by `printf test | sha256sum`.
const API_KEY_HASH: &str =
    "backend sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub(super) const NOW: u64 = 1_900_000_000;

pub(super) fn token(claims: &str) -> String {
    create(SECRET, claims).unwrap()
}

pub(super) fn date(secs: u64) -> Date {
    Date::since_1970(Duration::from_secs(secs))
}

pub(super) fn scene_of(config: Config, rules: &[&str], anonymous: bool) -> Scene {
    let mut shard = Shard::new(config);
    ask_identity(&mut shard, rules, anonymous);
    Scene::of(shard)
}

/// Has a shard ask for identity, or serve anonymous clients as well.
pub(super) fn ask_identity(shard: &mut Shard, rules: &[&str], anonymous: bool) {
    let auth = Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]),
        api_keys: ApiKeys::parse([API_KEY_HASH]).unwrap(),
        rules: Rules::parse(rules.iter().copied()).unwrap(),
        anonymous,
        insecure: false,
    };
    shard.core.set_auth(auth, Places::default());
    shard.core.set_date(date(NOW));
}

pub(super) fn connect(token: &str) -> String {
    format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#)
}
