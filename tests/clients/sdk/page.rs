//! npm's `centrifuge` on a page in Chromium, over all that it can use there.

use std::fs;

use corecast::auth::create;
use serde_json::json;

use super::{SECRET, config, serve};
use crate::browser::Browser;
use crate::tools::{installed, is_missing};

/// Subscribes to a topic of each transport's own, and keeps what comes.
const LISTEN: &str = "{
    window.got = [];
    const encode = it => isBinary ? new TextEncoder().encode(JSON.stringify(it)) : it;
    const decode = it => isBinary ? JSON.parse(new TextDecoder().decode(it)) : it;
    window.client = new Centrifuge([{ transport, endpoint }], { token });
    window.sub = client.newSubscription(channel);
    sub.on('publication', ({ data }) => got.push(decode(data)));
    window.publish = it => { client.publish(channel, encode(it)); };
    sub.subscribe();
    client.connect();
}";

#[test]
fn centrifuge_on_a_page_misses_nothing_over_any_transport() {
    let folder = installed("node_modules/centrifuge/dist");
    if is_missing("centrifuge, of .ci/clients", folder.exists()) {
        return;
    }
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (_program, server) = serve(&config());
    let token = create(SECRET, r#"{"sub":"ann"}"#).unwrap();
    for (sdk, scheme, transport, is_binary) in [
        ("centrifuge.js", "ws", "websocket", false),
        ("centrifuge.js", "http", "http_stream", false),
        ("centrifuge.js", "http", "sse", false),
        ("centrifuge.protobuf.js", "ws", "websocket", true),
        ("centrifuge.protobuf.js", "http", "http_stream", true),
    ] {
        let mut page = browser.open(&format!("http://{server}/healthz"));
        page.eval(&fs::read_to_string(folder.join(sdk)).unwrap());
        for (name, value) in [
            ("isBinary", json!(is_binary)),
            ("transport", json!(transport)),
            (
                "endpoint",
                json!(format!("{scheme}://{server}/connection/{transport}")),
            ),
            ("token", json!(token)),
            ("channel", json!(format!("kept:{sdk}-{transport}"))),
        ] {
            page.eval(&format!("window.{name} = {value}"));
        }
        page.eval(LISTEN);
        page.wait_for("sub.state === 'subscribed'");
        page.eval("publish('grüße\\n☃')");
        page.wait_for("got.length === 1");
        page.eval("client.disconnect()");
        page.eval(
            "{
                window.other = new Centrifuge([{ transport, endpoint }], { token });
                other.publish(channel, isBinary ? new TextEncoder().encode('2') : 2);
                other.connect();
                other.history(channel, { limit: 0 }).then(it => window.newest = it.offset);
            }",
        );
        page.wait_for("window.newest === 2");
        page.eval("client.connect()");
        page.wait_for("got.length === 2");
        assert_eq!(page.eval("got"), json!(["grüße\n☃", 2]));
        // The tab stays: as it closed, it would complain that the server has no icon.
        page.eval("client.disconnect(); other.disconnect()");
    }
}
