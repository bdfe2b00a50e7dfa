//! A server that drains lets go of its ports: the next one can have them.

use std::net::TcpStream;

use corecast::{Admin, Kind};

use crate::admin::{get, scrape};
use crate::support::http::is_served;
use crate::support::server::{Running, builder, serve_admin};
use crate::support::socket::{dial, dial_small};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

#[test]
fn a_drain_is_announced_and_does_not_wait_for_the_admin_port() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    assert_eq!(get(addr, "/livez"), (200, "alive\n".to_owned()));
    assert_eq!(get(addr, "/readyz"), (200, "ready\n".to_owned()));
    // A client that does not read delays the drain.
    let slow = Ws::over(dial_small(server.http()), "/sub/lobby");
    for _ in 0..100 {
        server.publish("lobby", Kind::Binary, &[0; 50_000]);
    }
    wait_until("it is behind", || 0 < server.counters().short_writes);
    server.handle().announce_drain();
    assert_eq!(get(addr, "/livez").0, 200);
    assert_eq!(get(addr, "/readyz"), (503, "draining\n".to_owned()));
    assert_eq!(scrape(addr)["corecast_ready"], 0.0);
    // Neither do those of the admin port that never ask.
    let _silent: Vec<TcpStream> = (0..8).map(|_| dial(addr)).collect();
    assert!(is_served(server.http()), "it goes on as ever");
    server.handle().drain();
    // The next server may have the port while this one is still there.
    wait_until("the port is free", || Admin::bind(addr).is_ok());
    assert!(!server.handle().is_stopped());
    drop(slow);
    server.join();
}
