use std::hash::RandomState;
use std::sync::Arc;

use super::{Beginning, Secured, Sessions};
use crate::config::Config;
use crate::id::ConnId;
use crate::relay::Relay;
use crate::shard::core::ShardCore;
use crate::shard::listener::Speaks;
use crate::shard::questions::{Answered, Answers};
use crate::time::Now;
use crate::tls::{Keys, Session, TlsSettings};

/// Where nobody asks, nobody answers.
struct Nobody;

impl Answers<()> for Nobody {
    fn put(&self, _: Answered<()>) {}
}

/// What sessions are made from: a certificate that nobody has to believe.
fn keys() -> Keys {
    let folder = std::env::temp_dir().join(format!("corecast-secure-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|file| folder.join(file));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let keys = Keys::load(&TlsSettings::new(chain, key), &[], None);
    std::fs::remove_dir_all(&folder).unwrap();
    keys.unwrap()
}

fn secured(keys: &Keys) -> Secured {
    let beginning = Beginning {
        speaks: Speaks::Http,
        peer: None,
    };
    // Nothing here reads or writes.
    Secured::new(-1, Session::new(keys).unwrap(), beginning)
}

#[test]
fn who_comes_late_for_a_former_tenant_meets_nobody() {
    let keys = keys();
    let (now, config) = (Now::default(), Config::default());
    let mut core = ShardCore::new(
        0,
        1,
        config,
        RandomState::new(),
        now,
        Relay::default(),
        Arc::new(Nobody),
    );
    let mut sessions = Sessions::new(0);
    let tenant = |generation| ConnId { key: 3, generation };
    let (former, newcomer) = (tenant(1), tenant(2));
    sessions.insert(former, secured(&keys));
    sessions.remove(former);
    assert!(!sessions.has(former));
    sessions.insert(newcomer, secured(&keys));
    assert!(sessions.has(newcomer) && !sessions.has(former));
    // As an event, or a wake-up of a budget that was used up, that is late.
    sessions.read(&mut core, former, true);
    assert!(!sessions.write(&mut core, former));
    assert!(!sessions.has_work(), "the newcomer has sent nothing");
    sessions.read(&mut core, newcomer, true);
    assert!(sessions.has_work(), "its handshake has its turn");
}
