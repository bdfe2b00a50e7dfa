//! A connection whose user is revoked while it enters.

use corecast::auth::{ApiKeys, Auth, Denial, Key, Places, Rules, Verifier, create};
use corecast::{CloseReason, Config};

use crate::users::Pair;

#[test]
fn a_connection_that_enters_behind_a_revocation_is_refused() {
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    let mut pair = Pair::new(Config::default());
    let auth = Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]),
        api_keys: ApiKeys::default(),
        rules: Rules::default(),
        anonymous: false,
        insecure: false,
    };
    let revocations = auth.verifier.revocations();
    let token = create(SECRET, &format!(r#"{{"sub":"{}"}}"#, pair.user)).unwrap();
    pair.shards[0].core.set_auth(auth, Places::default());
    let fields = format!("Authorization: Bearer {token}\r\n");
    let asking = pair.ask_with(0, &fields);
    // The home does not know of the connection yet.
    revocations.revoke_user(&pair.user, 1, 0).unwrap();
    let other = pair.open(1);
    pair.say(1, other, "bye");
    pair.settle();
    let answer = pair.take(0, asking);
    assert!(answer.starts_with(b"HTTP/1.1 401 "));
    let reason = pair.shards[0].sockets.ended[&asking];
    assert_eq!(reason, CloseReason::Refused(401));
    let denied = pair.shards[0].counters().denied;
    assert_eq!(denied[Denial::Revoked.index()], 1);
    // Another that is not revoked enters as before.
    let token = create(SECRET, &format!(r#"{{"sub":"{}","iat":5}}"#, pair.user)).unwrap();
    let fields = format!("Authorization: Bearer {token}\r\n");
    let asking = pair.ask_with(0, &fields);
    pair.settle();
    assert!(pair.take(0, asking).starts_with(b"HTTP/1.1 101 "));
}
