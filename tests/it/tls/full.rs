//! Connections with TLS that ask nothing, or are one too many.

use std::io::{Read, Write};
use std::time::Duration;

use corecast::Config;

use crate::support::http::{read_answer, upgrade_request};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;
use crate::tls::served::Scene;

#[test]
fn a_surplus_tls_connection_that_asks_nothing_gets_no_answer() {
    let scene = Scene::with(|builder| {
        builder.config(Config {
            handshake_timeout: Duration::from_millis(300),
            ..Config::default()
        })
    });
    let mut strange = dial(scene.https());
    let mut silent = scene.dial(scene.https());
    let mut begun = scene.dial(scene.https());
    begun.write_all(b"GET /").unwrap();
    assert_eq!(read_answer(&mut begun).status, 408);
    let mut said = Vec::new();
    silent.read_to_end(&mut said).unwrap();
    assert_eq!(said, b"");
    assert_eq!(read_to_the_end(&mut strange), b"");
}

#[test]
fn a_surplus_tls_connection_is_refused_after_its_handshake_and_may_ask_for_the_health() {
    let scene = Scene::with(|builder| builder.shards(1).connections_max(1));
    let _only = Ws::connect(scene.server.http(), "/ws/lobby");
    // While other handshakes wait it would only be closed.
    wait_until("it is told so", || {
        let mut client = scene.dial(scene.https());
        let asked = client.write_all(upgrade_request("/ws").as_bytes());
        asked.is_ok() && read_answer(&mut client).status == 503
    });
    wait_until("the health is told", || {
        let mut client = scene.dial(scene.https());
        let asked = client.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        asked.is_ok() && read_answer(&mut client).status == 200
    });
}
