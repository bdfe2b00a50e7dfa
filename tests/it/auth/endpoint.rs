//! The thread that fetches keys, against providers that change, fail and lie.

use std::sync::mpsc::channel;
use std::time::Duration;

use corecast::auth::{Denial, Endpoint, Verifier};
use serde_json::json;

use super::provider::{Pair, Provider, Reply, set};
use crate::support::wait::{PATIENCE, wait_until};

const OFTEN: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(3_600);
const NOW: u64 = 1_900_000_000;

fn verifier(provider: &Provider, refresh: Duration) -> (Verifier, Endpoint) {
    let endpoint = Endpoint::start(&provider.url(), refresh, LONG).unwrap();
    (
        Verifier::new(Vec::new()).endpoint(endpoint.clone()),
        endpoint,
    )
}

#[test]
fn keys_are_fetched_at_the_start_and_again_and_a_removed_key_is_refused() {
    let (old, new) = (Pair::new("old"), Pair::new("new"));
    let provider = Provider::start(vec![set(&[&old]), set(&[&old, &new]), set(&[&new])]);
    let (mut verifier, _endpoint) = verifier(&provider, OFTEN);
    let mut is_good = |pair: &Pair| verifier.verify(&pair.token(), NOW).is_ok();
    wait_until("the first keys", || is_good(&old));
    assert!(!is_good(&new));
    provider.turn_to(1);
    wait_until("the new key", || is_good(&new));
    assert!(is_good(&old));
    provider.turn_to(2);
    wait_until("the end of the old key", || !is_good(&old));
    assert!(is_good(&new));
}

#[test]
fn old_keys_stay_while_the_endpoint_is_wrong() {
    let key = Pair::new("key");
    let other = Pair::new("other");
    let many: Vec<_> = (0..10_000)
        .map(|kid| json!({"kty": "RSA", "kid": kid}))
        .collect();
    let wrong = [
        Reply::Nothing,
        Reply::Http(500, String::new()),
        Reply::Http(302, String::new()),
        Reply::Http(200, "<html>".to_owned()),
        Reply::Http(200, "x".repeat(1 << 20)),
        Reply::Http(200, json!({ "keys": many }).to_string()),
    ];
    let count = wrong.len();
    let mut replies = vec![set(&[&key])];
    replies.extend(wrong);
    replies.push(set(&[&key, &other]));
    let provider = Provider::start(replies);
    let (mut verifier, _endpoint) = verifier(&provider, OFTEN);
    let mut is_good = |pair: &Pair| verifier.verify(&pair.token(), NOW).is_ok();
    wait_until("the first keys", || is_good(&key));
    for reply in 1..=count {
        let before = provider.asked();
        provider.turn_to(reply);
        // The second of these requests came after the first one was answered.
        wait_until("a wrong answer", || before + 2 < provider.asked());
        assert!(is_good(&key), "reply {reply}");
    }
    provider.turn_to(count + 1);
    wait_until("the endpoint is right again", || is_good(&other));
}

#[test]
fn keys_that_are_taken_out_are_refused_even_if_none_is_left() {
    let key = Pair::new("key");
    // A set that anyone can fetch has no secrets.
    let secret = json!({"keys": [{"kty": "oct", "kid": "key", "k": "AAAA"}]});
    for empty in [json!({"keys": []}), secret] {
        let empty = Reply::Http(200, empty.to_string());
        let provider = Provider::start(vec![set(&[&key]), empty]);
        let (mut verifier, _endpoint) = verifier(&provider, OFTEN);
        let mut is_good = || verifier.verify(&key.token(), NOW).is_ok();
        wait_until("the first keys", &mut is_good);
        provider.turn_to(1);
        wait_until("the end of the keys", || !is_good());
    }
}

#[test]
fn keys_that_cannot_be_fetched_again_are_refused_at_their_age() {
    let key = Pair::new("key");
    let provider = Provider::start(vec![set(&[&key]), Reply::Nothing]);
    let endpoint = Endpoint::start(&provider.url(), OFTEN, OFTEN).unwrap();
    let mut verifier = Verifier::new(Vec::new()).endpoint(endpoint);
    let mut verify = || verifier.verify(&key.token(), NOW).map(drop);
    wait_until("the first keys", || verify().is_ok());
    provider.turn_to(1);
    wait_until("the end of the keys", || verify() == Err(Denial::NoKeys));
    provider.turn_to(0);
    wait_until("the same keys again", || verify().is_ok());
}

#[test]
fn before_the_first_fetch_there_are_no_keys_and_a_waiting_connection_is_called_back() {
    let key = Pair::new("key");
    let provider = Provider::start(vec![Reply::Nothing, set(&[&key])]);
    let (mut verifier, endpoint) = verifier(&provider, LONG);
    wait_until("the first request", || 0 < provider.asked());
    assert_eq!(verifier.verify(&key.token(), NOW), Err(Denial::NoKeys));
    provider.turn_to(1);
    let (done, is_done) = channel();
    assert!(endpoint.ask(move || done.send(()).unwrap()));
    is_done.recv_timeout(PATIENCE).unwrap();
    // Asked too soon after a fetch, it does not fetch; the next try comes by itself.
    wait_until("the second try", || {
        verifier.verify(&key.token(), NOW).is_ok()
    });
    let unknown = Pair::new("unknown").token();
    assert_eq!(verifier.verify(&unknown, NOW), Err(Denial::UnknownKey));
}
