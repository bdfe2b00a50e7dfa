//! A page in Chromium hears of one topic by WebSocket and by server-sent events.

use corecast::Kind;
use serde_json::json;

use crate::browser::Browser;
use crate::served::Served;

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
