//! Which requests the admin port carries out.

use corecast::Admin;

use crate::operators::{call_with, see};
use crate::support::http::ask;
use crate::support::server::{Running, builder, serve_admin, serve_admin_as};

const JSON: &str = "Content-Type: application/json\r\n";
const TOKEN: &str = "Authorization: Bearer s3cret\r\n";

#[test]
fn with_a_token_all_but_health_and_open_metrics_want_it() {
    for open in [true, false] {
        let server = Running::start(builder(1));
        let set = |admin: Admin| admin.token("s3cret").open_metrics(open);
        let addr = serve_admin_as(&server, set);
        let status = |path: &str, fields: &str| call_with(addr, "GET", path, fields, "").status;
        for path in ["/livez", "/readyz"] {
            assert_eq!(status(path, ""), 200, "{path}");
        }
        assert_eq!(status("/metrics", ""), if open { 200 } else { 401 });
        assert_eq!(status("/metrics", TOKEN), 200);
        for path in [
            "/admin/stats",
            "/admin/connections",
            "/admin/topics",
            "/admin/log",
        ] {
            let answer = call_with(addr, "GET", path, "", "");
            assert_eq!(answer.status, 401, "{path}");
            assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
            assert_eq!(status(path, TOKEN), 200, "{path}");
        }
        let drain = |fields: &str| call_with(addr, "POST", "/admin/drain", fields, "").status;
        assert_eq!(drain(JSON), 401);
        assert_eq!(drain(TOKEN), 415);
        assert_eq!(
            drain(&format!("{JSON}{TOKEN}Origin: http://evil.example\r\n")),
            403
        );
        assert!(server.handle().is_serving());
        assert_eq!(drain(&format!("{JSON}{TOKEN}")), 202);
        server.join();
    }
}

#[test]
fn guessing_is_slowed_down() {
    let server = Running::start(builder(1));
    let addr = serve_admin_as(&server, |admin| admin.token("s3cret"));
    let wrong = "Authorization: Bearer guess\r\n";
    let mut answer = call_with(addr, "GET", "/admin/stats", wrong, "");
    // More than any host answers within a second.
    for _ in 0..10_000 {
        if answer.status == 429 {
            break;
        }
        assert_eq!(answer.status, 401);
        answer = call_with(addr, "GET", "/admin/stats", wrong, "");
    }
    assert_eq!(answer.status, 429);
    assert!(answer.field("retry-after").is_some(), "{answer:?}");
    assert_eq!(call_with(addr, "GET", "/livez", "", "").status, 200);
}

#[test]
fn a_page_whose_name_was_made_to_point_here_reads_nothing() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    see(addr, "/admin/stats");
    let asked = |host: &str| {
        let request = format!("GET /admin/stats HTTP/1.1\r\nHost: {host}\r\n\r\n");
        ask(addr, request).status
    };
    assert_eq!(asked("localhost:1"), 200);
    assert_eq!(asked("evil.example"), 421);
}

#[test]
fn a_body_has_a_length_and_a_limit() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let head = format!("PUT /admin/log HTTP/1.1\r\nHost: {addr}\r\n{JSON}");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(ask(addr, chunked).status, 411);
    let long = format!("{head}Content-Length: 65537\r\n\r\n");
    assert_eq!(ask(addr, long).status, 413);
}
