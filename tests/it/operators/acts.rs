//! What operators do: disconnect, publish.

use std::net::{IpAddr, SocketAddr};

use corecast::{Cx, Halt, Handler, Kind, Message, Opening, Refusal};

use crate::operators::{call, error, rows, see};
use crate::support::server::{Running, builder, serve_admin};
use crate::support::socket::dial;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

#[test]
fn a_connection_is_disconnected_by_its_id() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let stream = dial(server.http());
    let own = stream.local_addr().unwrap().to_string();
    let mut ws = Ws::over(stream, "/ws/lobby");
    let mut other = Ws::connect(server.http(), "/ws/lobby");
    let found = see(addr, "/admin/connections?topic=lobby");
    let mut found = rows(&found, "connections").iter();
    let row = found.find(|row| row["address"] == own.as_str()).unwrap();
    let id = row["id"].as_str().unwrap();
    let path = format!("/admin/connections/{id}/disconnect");
    let wrong = error(addr, "POST", &path, r#"{"code":1000}"#, 400);
    assert!(wrong.contains("3000 to 4999"), "{wrong}");
    let body = r#"{"code":4001,"reason":"by hand"}"#;
    let (status, told) = call(addr, "POST", &path, body);
    assert_eq!((status, &told["id"]), (202, &row["id"]), "{told}");
    assert_eq!(ws.expect_close(), (4001, "by hand".to_owned()));
    server.publish("lobby", Kind::Text, b"still there");
    assert_eq!(other.next_text(), "still there");
    wait_until("it is gone", || call(addr, "POST", &path, "").0 == 404);
    let gone = error(addr, "GET", &format!("/admin/connections/{id}"), "", 404);
    assert!(gone.contains("no such connection"), "{gone}");
}

#[test]
fn an_operator_publishes_a_text() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut ws = Ws::connect(server.http(), "/sub/lobby");
    let body = r#"{"topic":"lobby","data":"grüße"}"#;
    assert_eq!(call(addr, "POST", "/admin/publish", body).0, 202);
    assert_eq!(ws.next_text(), "grüße");
}

/// Gives each connection the user that its path names.
#[derive(Clone)]
struct ByPath;

impl Handler for ByPath {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, opening: &Opening<'_>) -> Result<(), Refusal> {
        if let Opening::WebSocket(request) = opening {
            cx.set_user(request.path.trim_start_matches('/')).unwrap();
        }
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, ()>, _: Message<'_>) -> Result<(), Halt> {
        Ok(())
    }
}

#[test]
fn connections_of_a_user_are_found_and_disconnected() {
    let server = Running::with(builder(2), |_| ByPath);
    let addr = serve_admin(&server);
    let mut ann = Ws::connect(server.http(), "/ann");
    let _bob = Ws::connect(server.http(), "/bob");
    let found = see(addr, "/admin/connections?user=ann");
    let [row] = &rows(&found, "connections")[..] else {
        panic!("{found}");
    };
    assert_eq!(row["user"], "ann");
    let from: SocketAddr = row["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(from.ip(), IpAddr::from([127, 0, 0, 1]));
    let path = format!(
        "/admin/connections/{}/disconnect",
        row["id"].as_str().unwrap()
    );
    assert_eq!(call(addr, "POST", &path, "").0, 202);
    assert_eq!(ann.expect_close(), (3503, "force disconnect".to_owned()));
    wait_until("she is gone", || {
        rows(&see(addr, "/admin/connections"), "connections").len() == 1
    });
}
