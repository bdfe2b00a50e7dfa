//! The dashboard of the admin port in Chromium.

use std::io::Write;
use std::net::SocketAddr;

use corecast::Kind;
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::support::http::{ask, upgrade_request};
use crate::support::program::Program;
use crate::support::server::{Running, builder, serve_admin, serve_admin_as};
use crate::support::socket::dial_small;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

fn open(browser: &mut Browser, addr: SocketAddr) -> Page {
    browser.open(&format!("http://{addr}/"))
}

/// The text of an element.
fn text(page: &mut Page, id: &str) -> String {
    let text = page.eval(&format!(
        "document.getElementById({}).textContent",
        json!(id)
    ));
    text.as_str().unwrap().to_owned()
}

/// The sum of a metric over all shards.
fn metric(addr: SocketAddr, name: &str) -> f64 {
    let answer = ask(addr, "GET /metrics HTTP/1.0\r\n\r\n");
    let lines = answer.body.lines().filter_map(|line| line.rsplit_once(' '));
    let of_shards = lines.filter(|(series, _)| series.split('{').next() == Some(name));
    of_shards
        .map(|(_, value)| value.parse::<f64>().unwrap())
        .sum()
}

/// What goes on while the page looks: nothing was fetched from elsewhere.
fn check_resources(page: &mut Page, addr: SocketAddr) {
    let names = page.eval("performance.getEntriesByType('resource').map(it => it.name)");
    let names: Vec<String> = serde_json::from_value(names).unwrap();
    assert!(!names.is_empty());
    for name in names {
        assert!(name.starts_with(&format!("http://{addr}/admin/")), "{name}");
    }
}

#[test]
fn the_dashboard_shows_what_the_metrics_say() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut clients: Vec<Ws> = (0..7)
        .map(|_| Ws::connect(server.http(), "/ws/lobby"))
        .collect();
    clients.push(Ws::connect(server.http(), "/ws/game:1"));
    let mut page = open(&mut browser, addr);
    page.wait_for("document.getElementById('state').className === 'serving'");
    wait_until("all connections are counted", || {
        metric(addr, "corecast_connections") == 8.0
    });
    page.wait_for("document.getElementById('connections-now').textContent === '8'");
    page.wait_for("document.querySelectorAll('#shards-rows tr').length === 2");
    // Two looks make a rate.
    page.wait_for("document.getElementById('out-now').textContent.endsWith('/s')");
    server.publish("lobby", Kind::Text, b"hello");
    for client in &mut clients[..7] {
        assert_eq!(client.next_text(), "hello");
    }
    page.wait_for_text("game:1");
    let rows = page.eval(
        "[...document.querySelectorAll('#topics-rows tr')].map(row => \
         [...row.cells].slice(0, 2).map(cell => cell.textContent))",
    );
    assert_eq!(rows, json!([["lobby", "7"], ["game:1", "1"]]));
    let shown = page.eval(
        "[...document.querySelectorAll('#shards-rows tr')].map(row => \
         Number(row.cells[1].textContent)).reduce((a, b) => a + b)",
    );
    assert_eq!(shown, json!(8));
    assert_eq!(metric(addr, "corecast_messages_sent_total"), 7.0);
    page.wait_for_text("No socket is blocked");

    // One that reads nothing is among the slowest.
    let mut slow = dial_small(server.http());
    slow.write_all(upgrade_request("/sub/slow").as_bytes())
        .unwrap();
    wait_until("it is blocked", || {
        server.publish("slow", Kind::Text, &[b'x'; 60_000]);
        metric(addr, "corecast_backlog_bytes") > 0.0
    });
    page.wait_for("document.querySelector('#slow-rows').textContent.includes('slow')");
    check_resources(&mut page, addr);
    browser.close(page);
}

#[test]
fn a_connection_is_found_and_disconnected_after_a_question() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let mut one = Ws::connect(server.http(), "/ws/one");
    let mut other = Ws::connect(server.http(), "/ws/other");
    let mut page = open(&mut browser, addr);
    page.wait_for("document.getElementById('state').className === 'serving'");
    page.submit("#search [name=topic]", "one");
    page.wait_for("document.getElementById('found-note').textContent === '1 found'");
    let click = "document.querySelector('#found-rows button').click()";
    page.eval(click);
    page.wait_for("document.getElementById('end-dialog').open");
    page.eval("document.querySelector('#end-dialog [value=no]').click()");
    page.wait_for("!document.getElementById('end-dialog').open");
    server.publish("one", Kind::Text, b"still there");
    assert_eq!(one.next_text(), "still there");
    page.eval(click);
    page.wait_for("document.getElementById('end-dialog').open");
    page.eval("document.getElementById('end-reason').value = 'by hand'");
    page.eval("document.querySelector('#end-dialog [value=yes]').click()");
    assert_eq!(one.expect_close(), (3503, "by hand".to_owned()));
    page.wait_for("document.getElementById('found-note').textContent === '0 found'");
    server.publish("other", Kind::Text, b"untouched");
    assert_eq!(other.next_text(), "untouched");
    browser.close(page);
}

#[test]
fn the_console_follows_a_topic_and_publishes() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut client = Ws::connect(server.http(), "/ws/lobby");
    let mut page = open(&mut browser, addr);
    page.submit("#console-topic", "lobby");
    page.wait_for("document.getElementById('console-note').textContent === 'following lobby'");
    page.wait_for("!!performance.getEntriesByType('resource').length");
    let markup = "<img src=x onerror=alert(1)>";
    wait_until("it follows", || {
        server.publish("lobby", Kind::Text, markup.as_bytes());
        assert_eq!(client.next_text(), markup);
        text(&mut page, "log").contains(markup)
    });
    page.submit("#console-data", "from the page");
    while client.next_text() != "from the page" {}
    page.wait_for("document.getElementById('log').textContent.includes('from the page')");
    page.wait_for("document.getElementById('log').textContent.includes('1 subscriber of shard')");
    check_resources(&mut page, addr);
    browser.close(page);
}

/// Every part is reached by the Tab key, and what has the focus shows it.
#[test]
fn the_keyboard_reaches_everything() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let mut page = open(&mut browser, addr);
    page.wait_for("document.getElementById('state').className === 'serving'");
    let unreached = page.eval(
        "[...document.querySelectorAll('a, button, input, select, [tabindex]')]
            .filter(it => !it.closest('dialog') && !it.hidden)
            .filter(it => { it.focus(); return document.activeElement !== it || it.tabIndex < 0; })
            .map(it => it.outerHTML)",
    );
    assert_eq!(unreached, json!([]));
    let unnamed = page.eval(
        "[...document.querySelectorAll('input, select')]
            .filter(it => !it.labels.length).map(it => it.outerHTML)",
    );
    assert_eq!(unnamed, json!([]));
    for (width, height) in [(1280, 900), (390, 844)] {
        page.resize(width, height);
        let fits = page.eval("document.documentElement.scrollWidth <= innerWidth");
        assert_eq!(fits, json!(true), "{width}: nothing is cut off");
    }
    browser.close(page);
}

#[test]
fn the_token_is_asked_once_and_kept() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = Running::start(builder(1));
    let addr = serve_admin_as(&server, |admin| admin.token("s3cret"));
    let mut page = open(&mut browser, addr);
    page.wait_for("document.getElementById('token-dialog').open");
    page.submit("#token", "wrong");
    page.wait_for_text("This token is wrong.");
    page.submit("#token", "s3cret");
    page.wait_for("document.getElementById('state').className === 'serving'");
    page.eval("window.before = true");
    page.eval("location.reload()");
    let again = "!window.before && document.getElementById('state')?.className === 'serving'";
    page.wait_for(again);
    assert_eq!(
        page.eval("document.getElementById('token-dialog').open"),
        json!(false)
    );
}

#[test]
fn the_page_follows_a_restart() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let serve = |admin: &str| Program::serve(&["--admin", admin, "--shards", "1"]);
    let (first, _, _) = serve("127.0.0.1:0");
    let addr = first.logged("listening admin ").unwrap();
    let addr: SocketAddr = addr.parse().unwrap();
    let mut page = open(&mut browser, addr);
    page.wait_for("document.getElementById('state').className === 'serving'");
    page.eval("window.same = true");
    drop(first);
    page.wait_for("document.getElementById('state').className === 'gone'");
    let (_second, http, _) = serve(&addr.to_string());
    let _client = Ws::connect(http, "/ws/lobby");
    page.wait_for("document.getElementById('state').className === 'serving'");
    page.wait_for("document.getElementById('connections-now').textContent === '1'");
    assert_eq!(page.eval("window.same"), Value::Bool(true), "by itself");
}
