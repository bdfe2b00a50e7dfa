use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::{Secured, Sessions};
use crate::config::Config;
use crate::id::{ConnId, ConnKey, ShardId};
use crate::limits::{WORK_OF_RECORD, WORK_PER_SHARE};
use crate::relay::Relay;
use crate::shard::core::ShardCore;
use crate::shard::core::conns::questions::{Answered, Answers};
use crate::shard::shell::accept::listener::Speaks;
use crate::time::Now;
use crate::tls::{DialKeys, DialSession, DialSettings, Keys, Session, TlsSettings};
use crate::topic::sink::Sock;

/// Takes answers to questions, which no test here asks.
struct NoAnswers;

impl<A> Answers<A> for NoAnswers {
    fn put(&self, _: Answered<A>) {}
}

/// What sessions are made from: a self-made certificate, and its authority.
fn keys_and(use_authority: impl FnOnce(&Path)) -> Keys {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = format!("corecast-secure-{}-{made}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|file| folder.join(file));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let keys = Keys::load(&TlsSettings::new(chain.clone(), key), &[], None);
    use_authority(&chain);
    std::fs::remove_dir_all(&folder).unwrap();
    keys.unwrap()
}

fn keys() -> Keys {
    keys_and(|_| {})
}

fn core() -> ShardCore<Relay> {
    let (now, config) = (Now::default(), Config::default());
    let desk = Arc::new(NoAnswers);
    ShardCore::new(ShardId::default(), 1, config, now, Relay::default(), desk)
}

fn secured(keys: &Keys) -> Secured {
    // Nothing here reads or writes.
    secured_at(-1, keys)
}

fn secured_at(fd: RawFd, keys: &Keys) -> Secured {
    Secured::new(fd, Session::new(keys).unwrap(), Speaks::Http, None)
}

#[test]
fn an_event_for_a_former_session_of_a_key_finds_none() {
    let keys = keys();
    let mut core = core();
    let mut sessions = Sessions::new(ShardId::default());
    let tenant = |generation| ConnId {
        key: ConnKey(3),
        generation,
    };
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

#[test]
fn records_take_time_of_the_turn_whatever_is_in_them() {
    let mut settings = DialSettings::default();
    let mut dialed = None;
    let keys = keys_and(|authority| {
        settings.add_authorities(authority.to_owned());
        dialed = Some(DialKeys::load(&settings, "localhost", &[]).unwrap());
    });
    let mut client = DialSession::new(&dialed.unwrap()).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    let (mut core, mut sessions) = (core(), Sessions::new(ShardId::default()));
    let id = core.handle_early_open(Sock(0), None);
    sessions.insert(id, secured_at(ours.as_raw_fd(), &keys));

    #[expect(
        clippy::disallowed_methods,
        reason = "handshakes have a share of real time"
    )]
    let start = Instant::now();
    let mut sealed = Vec::new();
    while sealed.is_empty() {
        client.write(&mut theirs, b"").unwrap();
        sessions.read(&mut core, id, true);
        sessions.shake(&mut core, start);
        let came = client.read(&mut theirs, &mut [0; 1]).unwrap_err();
        assert!(matches!(
            came.kind(),
            ErrorKind::WouldBlock | ErrorKind::Interrupted
        ));
        client.write(&mut sealed, b"").unwrap();
        client.write(&mut sealed, b"G").unwrap();
    }
    // The client's last word of the handshake.
    sessions.read(&mut core, id, true);
    sessions.shake(&mut core, start);
    for _ in 0..usize::try_from(WORK_PER_SHARE).unwrap() / WORK_OF_RECORD {
        client.write(&mut sealed, b"E").unwrap();
    }
    theirs.write_all(&sealed).unwrap();
    core.begin_turn(Now::default());
    core.note_readable(id, false);
    assert_eq!(core.take_readable(), Some((id, false)));
    sessions.read(&mut core, id, false);
    core.note_readable(id, false);
    assert_eq!(core.take_readable(), None);
}
