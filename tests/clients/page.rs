//! A page in Chromium hears of one topic by WebSocket and by server-sent events.

use corecast::{Config, Kind, Origins};
use serde_json::json;

use crate::browser::Browser;
use crate::served::Served;
use crate::support::server::{Running, builder};

/// Listens to the topic `page` by both ways, and keeps what comes.
const LISTEN: &str = "{
    window.got = { ws: [], events: [] };
    window.ws = new WebSocket(location.origin.replace('http', 'ws') + '/ws/page');
    ws.binaryType = 'arraybuffer';
    ws.onmessage = ({ data }) =>
        got.ws.push(typeof data === 'string' ? data : [...new Uint8Array(data)]);
    window.events = new EventSource('/sse/page');
    events.onmessage = ({ data }) => got.events.push(data);
    events.addEventListener('binary', ({ data }) => got.events.push(['binary', data]));
}";

#[test]
fn a_page_hears_by_websocket_and_by_events() {
    let Some(mut browser) = Browser::start_with(&["--ignore-certificate-errors"]) else {
        return;
    };
    let served = Served::start();
    let long = "grüße ☃ ".repeat(10_000);
    for place in served.places() {
        let mut page = browser.open(&place.url("http", "/"));
        page.eval(LISTEN);
        page.wait_for("ws.readyState === 1 && events.readyState === 1");
        served.server.publish("page", Kind::Text, b"two\nlines");
        served.server.publish("page", Kind::Binary, &[0, 255]);
        served.server.publish("page", Kind::Text, long.as_bytes());
        page.wait_for("got.ws.length === 3 && got.events.length === 3");
        page.eval("ws.send('from the page')");
        page.wait_for("got.ws.length === 4 && got.events.length === 4");
        let expected = json!({
            "ws": ["two\nlines", [0, 255], long, "from the page"],
            "events": ["two\nlines", ["binary", "AP8="], long, "from the page"],
        });
        assert_eq!(page.eval("got"), expected);
        page.eval("ws.onclose = ({ code, wasClean }) => window.end = [code, wasClean]");
        page.eval("ws.close(1000); events.close()");
        page.wait_for("!!window.end");
        assert_eq!(page.eval("window.end"), json!([1000, true]));
        browser.close(page);
    }
}

#[test]
fn the_page_of_the_server_comes_back_and_tells_its_address_and_all_paths() {
    let Some(mut browser) = Browser::start_with(&["--ignore-certificate-errors"]) else {
        return;
    };
    let served = Served::start();
    for place in served.places() {
        let mut page = browser.open(&place.url("http", "/"));
        page.wait_for_text("joined lobby");
        for address in [
            format!("new WebSocket(\"{}\")", place.url("ws", "/ws/lobby")),
            format!("curl -N {}", place.url("http", "/sse/lobby")),
        ] {
            page.wait_for_text(&address);
        }
        for path in ["/ws", "/sub", "/pub", "/sse"] {
            page.wait_for_text(&format!("{path}/{{topic}}"));
        }
        for path in [
            "/api/publish",
            "/api/broadcast",
            "/api/batch",
            "/echo",
            "/healthz",
        ] {
            page.wait_for_text(path);
        }
        page.submit("#topic", "a b/é");
        page.wait_for_text("joined a b/é");
        page.wait_for_text(&place.url("ws", "/ws/a%20b%2F%C3%A9"));
        page.eval("window.old = socket; socket.close()");
        page.wait_for("socket !== old && socket.readyState === 1");
        page.wait_for("document.querySelector('#status').textContent === 'connected'");
        served
            .server
            .publish("a b/é", Kind::Text, b"after the loss");
        page.wait_for_text("after the loss");
        browser.close(page);
    }
}

/// The first attempt is made within a second, and each waits for longer than the one before might.
#[test]
fn the_page_of_the_server_waits_longer_each_time_it_cannot_come_back() {
    let Some(mut browser) = Browser::start_with(&["--ignore-certificate-errors"]) else {
        return;
    };
    let served = Served::start();
    let Some(place) = served.places().into_iter().next() else {
        return;
    };
    let mut page = browser.open(&place.url("http", "/"));
    page.wait_for_text("joined lobby");
    // Attempts that fail at once, with waits that take no time but are written down.
    page.eval(
        "{
            window.waits = [];
            Math.random = () => 1;
            const later = setTimeout;
            window.setTimeout = (run, wait) => {
                waits.push(wait);
                return waits.length < 8 ? later(run, 0) : 0;
            };
            window.WebSocket = class extends WebSocket {
                constructor() { super(location.origin.replace('http', 'ws') + '/nowhere'); }
            };
            socket.close();
        }",
    );
    page.wait_for("waits.length === 8");
    let expected = json!([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    assert_eq!(page.eval("waits"), expected);
    // What the browser says of each attempt makes it no page to be closed without a word.
    page.wait_for_text("connecting again in 30 s");
}

/// The page of the README, word for word but for the address, on a page of another origin.
#[test]
fn the_page_of_the_readme_works_from_another_origin() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let readme = include_str!("../../README.md");
    let (_, snippet) = readme.split_once("```html\n<script>\n").unwrap();
    let (script, _) = snippet.split_once("</script>").unwrap();
    assert_eq!(script.lines().count(), 3, "with its tags it has five lines");
    assert!(readme.contains("CORECAST_HTTP_ORIGINS='*' corecast\n"));

    let elsewhere = Served::start();
    let [place, _] = elsewhere.places();
    let open = |origins: &[&str]| {
        let config = Config {
            origins: Origins::parse(origins).unwrap(),
            ..Config::default()
        };
        Running::start(builder(1).config(config))
    };
    let (allows, refuses) = (open(&["*"]), open(&["self"]));
    let mut page = browser.open(&place.url("http", "/"));
    page.eval("{ window.said = []; console.log = it => said.push(it); }");
    for (server, expected) in [(&allows, "1"), (&refuses, "3")] {
        let script = script.replace("127.0.0.1:8080", &server.http().to_string());
        assert!(script.contains(&server.http().to_string()));
        page.eval(&format!("{{ {script} window.made = socket; }}"));
        page.wait_for(&format!("made.readyState === {expected}"));
    }
    page.wait_for("said.length === 1");
    assert_eq!(page.eval("said"), json!(["hello from a page"]));
}
