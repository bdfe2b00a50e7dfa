//! Certificates that change while the server runs.

use std::fs;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use corecast::Kind;
use corecast::tls::{Reloader, TlsError};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;

use crate::support::length_prefix::LengthPrefix;
use crate::support::raw_ws::RawWs;
use crate::support::socket::dial;
use crate::support::tls::{Authority, EACH, Tls, shake};
use crate::support::wait::wait_until;
use crate::tls::served::Scene;

fn connect(scene: &Scene) -> Tls {
    shake(dial(scene.https()), &scene.config, "localhost").unwrap()
}

fn shown(tls: &Tls) -> CertificateDer<'static> {
    tls.conn.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

fn come_and_go(scene: &Scene) {
    let tls = shake(dial(scene.tcps()), &scene.config, "localhost").unwrap();
    let mut device = LengthPrefix::greeted(tls);
    device.send(b"I am new");
    while device.next() != b"I am new" {}
}

/// Waits until every shard shows what is in the file.
fn wait_for_renewal(scene: &Scene) {
    let expected = scene.authority.certificate("host");
    wait_until("new connections get the new certificate", || {
        // Eight in a row on both shards, by chance.
        (0..8).all(|_| shown(&connect(scene)) == expected)
    });
}

#[test]
fn a_reload_under_load_loses_no_connection() {
    const ROUNDS: u32 = 10;
    let scene = &Scene::new();
    let over = &AtomicBool::new(false);
    let came = &AtomicU64::new(0);
    thread::scope(|scope| {
        let mut stayed: Vec<_> = (0..10)
            .map(|_| RawWs::over(connect(scene), "/sub/lobby"))
            .collect();
        for _ in 0..2 {
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    come_and_go(scene);
                    came.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..ROUNDS {
            scene
                .authority
                .sign("host", &format!("round {round}"), &["localhost"]);
            scene.server.handle().reload_tls().unwrap();
            let number = round.to_be_bytes();
            scene.server.publish("lobby", Kind::Binary, &number);
            wait_for_renewal(scene);
            let before = came.load(Ordering::Relaxed);
            wait_until("some come", || before < came.load(Ordering::Relaxed));
        }
        over.store(true, Ordering::Relaxed);
        for ws in &mut stayed {
            let mut rounds = 0;
            while rounds < ROUNDS {
                let payload = ws.next().1;
                if payload != b"I am new" {
                    assert_eq!(payload, rounds.to_be_bytes());
                    rounds += 1;
                }
            }
        }
    });
}

#[test]
fn a_broken_file_changes_nothing() {
    let scene = Scene::new();
    let good = scene.authority.certificate("host");
    let path = scene.authority.path("host.pem");
    for broken in ["", "no certificate"] {
        fs::write(&path, broken).unwrap();
        let err = scene.server.handle().reload_tls().unwrap_err();
        assert!(err.to_string().contains("host.pem: "), "{err}");
        assert_eq!(shown(&connect(&scene)), good);
    }
    fs::remove_file(&path).unwrap();
    assert!(scene.server.handle().reload_tls().is_err());
    assert_eq!(shown(&connect(&scene)), good);
    // And once it is whole again, it counts.
    scene.authority.sign("host", "new", &["localhost"]);
    scene.server.handle().reload_tls().unwrap();
    wait_for_renewal(&scene);
}

#[test]
fn tickets_outlive_a_reload() {
    let mut scene = Scene::new();
    let mut config = scene.authority.trusting(EACH[0], None);
    config.resumption = Resumption::in_memory_sessions(8);
    scene.config = Arc::new(config);
    let mut first = RawWs::over(connect(&scene), "/ws/lobby").into_stream();
    first.conn.send_close_notify();
    first.conn.complete_io(&mut first.sock).unwrap();
    let _end = first.read(&mut [0]);
    scene.authority.sign("host", "new", &["localhost"]);
    scene.server.handle().reload_tls().unwrap();
    let resumptions = || scene.server.counters().tls_resumptions;
    let _second = RawWs::over(connect(&scene), "/ws/lobby");
    wait_until("it comes back by its ticket", || resumptions() == 1);
}

#[test]
fn a_server_without_tls_has_nothing_to_load() {
    use crate::support::server::{Running, builder};
    Running::start(builder(1)).handle().reload_tls().unwrap();
}

#[test]
fn a_shard_that_has_ended_holds_up_no_reload() {
    let authority = Authority::new("ended");
    authority.sign("host", "host", &["localhost"]);
    let mut reloader = Reloader::new(vec![(authority.settings("host"), &[])]).unwrap();
    drop(reloader.add_shard());
    let mut stays = reloader.add_shard();
    reloader.reload().unwrap();
    assert!(stays.take().is_some());
    // One that takes nothing over does.
    let busy = (0..100).find_map(|_| reloader.reload().err());
    assert!(matches!(busy, Some(TlsError::Busy)), "{busy:?}");
}
