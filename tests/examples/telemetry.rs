//! Devices report over TCP, browsers watch.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tungstenite::Message;

use crate::example::Example;
use crate::support::length_prefix::LengthPrefix;
use crate::support::socket::dial;
use crate::support::wait::{in_a_while, now};
use crate::support::ws::Ws;

/// A browser that watches: it asks for a snapshot, and follows the changes by their numbers.
struct Browser {
    ws: Ws,
    /// The number of the snapshot: reports up to it may come after it.
    welcomed: u64,
    seq: u64,
}

impl Browser {
    fn open(http: SocketAddr) -> (Self, Value) {
        let mut ws = Ws::connect(http, "/live");
        ws.send_text("snapshot");
        loop {
            let report: Value = serde_json::from_str(&ws.next_text()).unwrap();
            if report["is"] == "snapshot" {
                let seq = report["seq"].as_u64().unwrap();
                let welcomed = seq;
                return (Self { ws, welcomed, seq }, report);
            }
        }
    }

    /// The next report, which has the next number.
    fn next(&mut self) -> Value {
        loop {
            let report: Value = serde_json::from_str(&self.ws.next_text()).unwrap();
            let seq = report["seq"].as_u64().unwrap();
            if self.seq < seq {
                assert_eq!(seq, self.seq + 1, "{report}");
                self.seq = seq;
                return report;
            }
            assert!(seq <= self.welcomed, "twice: {report}");
        }
    }

    /// Waits for a state of a device that is as asked for.
    fn wait_for(&mut self, device: &str, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = in_a_while();
        loop {
            assert!(now() < deadline, "{device} never is as it should be");
            let report = self.next();
            if let Some(state) = state(&report, device).filter(|state| is(state)) {
                return state.clone();
            }
        }
    }
}

fn state<'a>(report: &'a Value, device: &str) -> Option<&'a Value> {
    let series = report["series"].as_array()?;
    series.iter().find(|state| state["device"] == device)
}

fn reading(device: &str, value: f64) -> String {
    json!({ "device": device, "metric": "pressure", "value": value, "at": 1_754_000_000_000_u64 })
        .to_string()
}

#[test]
fn readings_of_many_devices_reach_every_browser() {
    const DEVICES: usize = 24;
    let telemetry = Example::start("telemetry", &[]);
    let mut browsers: Vec<Browser> = (0..12).map(|_| Browser::open(telemetry.http).0).collect();
    let mut devices: Vec<LengthPrefix> = (0..DEVICES)
        .map(|_| LengthPrefix::connect(telemetry.tcp))
        .collect();
    for round in 0..20 {
        for (n, device) in devices.iter_mut().enumerate() {
            device.send(reading(&format!("d{n}"), f64::from(round)).as_bytes());
        }
    }
    for browser in &mut browsers {
        // Told by a report of the reading itself: that it is stale is told later, and again.
        let mut finals = BTreeSet::new();
        while finals.len() < DEVICES {
            let report = browser.next();
            let states = report["series"].as_array().unwrap().iter();
            for state in states.filter(|state| state["count"] == 20) {
                assert_eq!(
                    (&state["value"], &state["metric"]),
                    (&json!(19.0), &json!("pressure"))
                );
                let device = state["device"].as_str().unwrap().to_owned();
                let is_known = finals.contains(&device);
                assert!(is_known || state["stale"] == false, "{device} was lost");
                finals.insert(device);
            }
        }
    }
    telemetry.end();
}

#[test]
fn a_new_viewer_has_the_last_values_even_of_devices_that_have_gone() {
    let telemetry = Example::start("telemetry", &[]);
    let mut device = LengthPrefix::connect(telemetry.tcp);
    device.send(reading("early", 1.0).as_bytes());
    device.send(reading("early", 2.5).as_bytes());
    let other = json!({ "device": "early", "metric": "flow", "value": 3, "at": 0 }).to_string();
    device.send(other.as_bytes());
    // What is wrong is answered, so all before it was taken.
    device.send(b"done");
    device.next();
    drop(device);
    let (mut browser, snapshot) = Browser::open(telemetry.http);
    let series = snapshot["series"].as_array().unwrap();
    assert_eq!(series.len(), 2, "{snapshot}");
    assert_eq!(
        (&series[0]["metric"], &series[0]["value"]),
        (&json!("flow"), &json!(3.0))
    );
    assert_eq!(
        (&series[1]["value"], &series[1]["count"]),
        (&json!(2.5), &json!(2))
    );
    assert_eq!(series[1]["at"], 1_754_000_000_000_u64);
    // Nothing comes any more: the board's own tick says so, and a reading takes it back.
    browser.wait_for("early", |state| state["stale"] == true);
    let mut device = LengthPrefix::connect(telemetry.tcp);
    device.send(reading("early", 4.0).as_bytes());
    let state = browser.wait_for("early", |state| state["stale"] == false);
    assert_eq!(state["value"], 4.0);
    telemetry.end();
}

#[test]
fn a_browser_that_comes_late_gets_the_last_minute() {
    let telemetry = Example::start("telemetry", &[]);
    let mut device = LengthPrefix::connect(telemetry.tcp);
    let deadline = in_a_while();
    let mut sent = 0;
    let history = loop {
        assert!(now() < deadline, "no history of three seconds");
        sent += 1;
        device.send(reading("d", f64::from(sent)).as_bytes());
        let (mut browser, snapshot) = Browser::open(telemetry.http);
        let history = state(&snapshot, "d").map(|state| state["history"].clone());
        let history = history.and_then(|history| history.as_array().cloned());
        if let Some(history) = history.filter(|history| 3 <= history.len()) {
            break history;
        }
        // The next second comes with the reports of the board's ticks.
        device.send(reading("d", f64::from(sent)).as_bytes());
        browser.next();
    };
    let points: Vec<(u64, f64)> = history
        .iter()
        .map(|point| (point[0].as_u64().unwrap(), point[1].as_f64().unwrap()))
        .collect();
    assert!(
        points.is_sorted_by(|a, b| a.0 > b.0 && a.1 <= b.1),
        "{points:?}"
    );
    assert!(points[0].0 <= 60_000, "{points:?}");
    // What changes comes without it.
    let (mut browser, _) = Browser::open(telemetry.http);
    device.send(reading("d", 0.0).as_bytes());
    let state = browser.wait_for("d", |state| state["value"] == 0.0);
    assert!(state["history"].is_null(), "{state}");
    telemetry.end();
}

#[test]
fn bad_readings_are_answered_to_the_device_and_counted() {
    let telemetry = Example::start("telemetry", &[]);
    let (mut browser, _) = Browser::open(telemetry.http);
    let mut device = LengthPrefix::connect(telemetry.tcp);
    let mut other = LengthPrefix::connect(telemetry.tcp);
    let long = reading(&"x".repeat(41), 1.0);
    let bad = [
        "pressure 3.2",
        "{}",
        "[]",
        r#"{"device":"d","metric":"m","value":"3","at":0}"#,
        r#"{"device":"d","metric":"m","value":1e999,"at":0}"#,
        r#"{"device":"d","metric":"m","value":1,"at":-1}"#,
        r#"{"device":"","metric":"m","value":1,"at":0}"#,
        r#"{"device":"d","metric":"m\u0000","value":1,"at":0}"#,
        &long,
    ];
    for reading in bad {
        device.send(reading.as_bytes());
        let answer: Value = serde_json::from_slice(&device.next()).unwrap();
        assert_eq!(answer["is"], "error", "{reading}");
    }
    device.send(&[0xff; 4]);
    device.next();
    // The other device hears nothing of it: what it gets first is about its own mistake.
    other.send(long.as_bytes());
    let answer = String::from_utf8(other.next()).unwrap();
    assert!(answer.contains("40 bytes"), "{answer}");
    device.send(reading("good", 1.0).as_bytes());
    let mut last = Value::Null;
    while state(&last, "good").is_none() {
        last = browser.next();
        assert!(state(&last, "d").is_none());
    }
    assert_eq!(last["refused"], bad.len() + 2, "{last}");
    telemetry.end();
}

#[test]
fn a_browser_that_talks_is_closed() {
    let telemetry = Example::start("telemetry", &[]);
    let (mut browser, _) = Browser::open(telemetry.http);
    browser.ws.send_text(&reading("forged", 1.0));
    let (code, reason) = browser.ws.expect_close();
    assert_eq!((code, &*reason), (1008, "a browser only watches"));
    telemetry.end();
}

#[test]
fn a_snapshot_is_for_browsers_and_not_again_and_again() {
    let telemetry = Example::start("telemetry", &[]);
    let mut device = LengthPrefix::connect(telemetry.tcp);
    device.send(b"snapshot");
    let answer = String::from_utf8(device.next()).unwrap();
    assert!(answer.contains("for browsers"), "{answer}");
    let stream = dial(telemetry.http);
    let mut raw = stream.try_clone().unwrap();
    let mut ws = Ws::over(stream, "/live");
    // A text frame with a mask of zeros; more than one a second for the longest wait of this test,
    // and at once, so that none is sent to a closed connection.
    let frame = [&[0x81, 0x88, 0, 0, 0, 0], &b"snapshot"[..]].concat();
    raw.write_all(&frame.repeat(100)).unwrap();
    // One or more may have been answered before, if a second went by.
    let close = loop {
        match ws.next() {
            Message::Text(_) => {}
            Message::Close(Some(close)) => break close,
            other => panic!("neither a snapshot nor a close frame: {other:?}"),
        }
    };
    let code = u16::from(close.code);
    assert_eq!(
        (code, close.reason.as_str()),
        (1008, "at most one snapshot a second")
    );
    telemetry.end();
}

#[test]
fn simulated_devices_report() {
    let telemetry = Example::start("telemetry", &["--devices", "5"]);
    let (mut browser, _) = Browser::open(telemetry.http);
    for device in ["boiler-1", "fan-2", "tank-3", "pump-4", "boiler-5"] {
        browser.wait_for(device, |state| state["count"].as_u64() > Some(2));
    }
    telemetry.end();
}
