//! The pages in a real browser; skipped where there is none, see `Browser::start`.

use serde_json::json;

use crate::browser::{Browser, Page};
use crate::example::Example;
use crate::support::length_prefix::LengthPrefix;

fn texts(page: &mut Page, selector: &str) -> Vec<String> {
    let all = format!("[...document.querySelectorAll({})]", json!(selector));
    let texts = page.eval(&format!("{all}.map(it => it.textContent)"));
    serde_json::from_value(texts).unwrap()
}

#[test]
fn people_meet_in_the_page_of_the_chat() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let chat = Example::start("chat", &[]);
    let mut ada = browser.open(&format!("http://{}/", chat.http));
    ada.wait_for_text("connected");
    ada.submit("#name", "Ada");
    ada.wait_for_text("you are here as Ada");
    // `/` is the lobby.
    let mut bob = browser.open(&format!("http://{}/room/lobby", chat.http));
    bob.wait_for_text("connected");
    bob.submit("#name", "ada");
    bob.wait_for_text("this name is taken");
    bob.submit("#name", "Bob");
    bob.wait_for_text("you are here as Bob");
    ada.wait_for_text("Bob joined");
    for page in [&mut ada, &mut bob] {
        assert_eq!(texts(page, "#people li"), ["Ada", "Bob"]);
        assert_eq!(texts(page, "#count"), ["2 here"]);
    }
    for n in 0..21 {
        // Neither says more than is taken at once, however quick it goes.
        let talker = if n < 11 { &mut ada } else { &mut bob };
        talker.submit("#text", &format!("message {n}"));
        bob.wait_for_text(&format!("message {n}"));
    }
    let markup = "<img src=x onerror=alert(1)>";
    bob.submit("#text", markup);
    ada.wait_for_text(markup);
    bob.submit("#text", "what\u{7}");
    bob.wait_for_text("no control characters");

    let mut eve = browser.open(&format!("http://{}/room/lobby", chat.http));
    eve.submit("#name", "Eve");
    eve.wait_for_text("you are here as Eve");
    let messages = texts(&mut eve, "#log [data-seq] div");
    let mut expected: Vec<String> = (2..21).map(|n| format!("message {n}")).collect();
    expected.push(markup.to_owned());
    assert_eq!(messages, expected, "the last 20");

    // A lost connection comes back by itself, with the name, and nothing is shown twice.
    bob.eval("socket.close()");
    ada.wait_for_text("Bob left");
    ada.submit("#text", "meanwhile");
    bob.wait_for_text("connected again");
    bob.wait_for_text("meanwhile");
    assert_eq!(texts(&mut bob, "#log [data-seq]").len(), 23);

    browser.close(bob);
    browser.close(eve);
    ada.wait_for("document.querySelector('#count').textContent === '1 here'");
    ada.wait_for_text("Eve left");
    browser.close(ada);
    chat.end();
}

#[test]
fn another_room_is_joined_from_the_page() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let chat = Example::start("chat", &[]);
    let mut page = browser.open(&format!("http://{}/", chat.http));
    page.eval("document.querySelector('#name').value = 'Ada'");
    page.submit("#where", "tea-room");
    page.wait_for_text("you are here as Ada");
    assert_eq!(page.eval("location.pathname"), "/room/tea-room");
    browser.close(page);
    chat.end();
}

#[test]
fn the_page_of_telemetry_shows_devices_as_they_report() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let telemetry = Example::start("telemetry", &[]);
    let url = format!("http://{}/", telemetry.http);
    let mut page = browser.open(&url);
    page.wait_for_text("live");
    page.wait_for_text("No device has reported yet");
    let mut device = LengthPrefix::connect(telemetry.tcp);
    let mut report = |name: &str, value: f64| {
        let reading = json!({ "device": name, "metric": "level", "value": value, "at": 0 });
        device.send(reading.to_string().as_bytes());
    };
    let value = |name: &str, text: &str| {
        let cell = format!("document.querySelector('[data-device={name}] .value')");
        format!("{cell}?.textContent === '{text}'")
    };
    for n in 0..5 {
        report("d10", f64::from(n));
        page.wait_for(&value("d10", &n.to_string()));
    }
    // For as long as two points of the board's minute take.
    let minute = r#"rows.get('["d10","level"]')"#;
    let spans = format!("(p => p.at(-1).at - p[0].at > 2000)({minute}.points)");
    for count in 6.. {
        if page.eval(&spans) == json!(true) {
            break;
        }
        report("d10", 4.0);
        page.wait_for(&format!("{minute}.count === {count}"));
    }
    report("d9", 1234.567);
    page.wait_for(&value("d9", "1,234.57"));
    assert_eq!(texts(&mut page, ".device"), ["d9level", "d10level"]);
    // Something is drawn.
    page.wait_for(
        "(() => { const canvas = document.querySelector('[data-device=d10] canvas'); \
         return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)\
         .data.some(it => it); })()",
    );
    // A later viewer sees it at once, and both notice that no more readings come.
    let mut late = browser.open(&url);
    late.wait_for(&value("d10", "4"));
    late.wait_for(&format!("2 <= {minute}.points.length"));
    for page in [&mut late, &mut page] {
        page.show();
        page.wait_for("document.querySelectorAll('.stale').length === 2");
        page.wait_for_text("2 metrics, 2 silent");
    }
    page.eval("window.old = socket; socket.close()");
    page.wait_for("socket !== old && socket.readyState === 1");
    report("d9", -5.0);
    device.send(b"nonsense");
    page.wait_for(&value("d9", "-5"));
    page.wait_for_text("1 refused");
    browser.close(page);
    browser.close(late);
    telemetry.end();
}
