//! What is known of clients that wait is counted as memory.

use std::rc::Rc;

use corecast::Config;
use corecast::auth::{Key, Places, create};

use crate::shard::Shard;
use crate::verification::{Asking, SECRET, WAYS, ask, auth};

#[test]
fn claims_are_counted_while_their_client_waits() {
    let roles = vec!["administrator"; 100];
    let claims = serde_json::json!({"sub": "ann", "roles": roles, "channels": roles});
    let token = create(SECRET, &claims.to_string()).unwrap();
    let asking = Asking::default();
    let questions = Rc::clone(&asking.questions);
    let mut shard = Shard::of(Config::default(), asking);
    let key = Key::hmac(SECRET).unwrap();
    shard.core.set_auth(auth(key), Places::default());
    for way in 0..WAYS {
        let client = ask(&mut shard, way, &token);
        shard.rest();
        let counted = shard.counters().waiting_bytes;
        assert!((5_000..100_000).contains(&counted), "{way}: {counted}");
        for question in questions.borrow_mut().drain(..) {
            question.answer(());
        }
        assert_eq!(shard.answer(), 1);
        shard.rest();
        assert!(!shard.take(client).is_empty());
        assert_eq!(shard.counters().waiting_bytes, 0, "{way}");
    }
}
