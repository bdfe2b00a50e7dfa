//! What the chat refuses, and which client learns of it.

use serde_json::{Value, json};

use crate::example::Example;
use crate::person::Person;
use crate::support::http::ask;
use crate::support::length_prefix::LengthPrefix;

fn join(name: &str) -> String {
    json!({ "do": "join", "name": name }).to_string()
}

fn say(text: &str) -> String {
    json!({ "do": "say", "text": text }).to_string()
}

#[test]
fn bad_input_is_reported_only_to_its_sender() {
    let chat = Example::start("chat", &[]);
    let (mut witness, _) = Person::join(chat.http, "r", "witness");
    let (mut newcomer, _) = Person::connect(chat.http, "r");
    for (input, words) in [
        (say("hello"), "join first"),
        (join(""), "say your name"),
        (join(&"x".repeat(25)), "at most 24"),
        (join(" x"), "space"),
        (join("\u{200b}x"), "visible"),
        (join("a\nb"), "visible"),
        (join("\u{3164}"), "visible"),
        (join("x\u{fe0f}"), "visible"),
        (join("a\u{a0}b"), "visible"),
        (join("a  b"), "one space"),
    ] {
        assert!(newcomer.error_for(&input).contains(words), "{input}");
    }
    // Another connection: one that says more than a burst is told so, whatever it says.
    let (mut newcomer, _) = Person::connect(chat.http, "r");
    newcomer.enter(&"ä".repeat(24));
    for (input, words) in [
        ("hello".to_owned(), "expected"),
        (String::new(), "expected"),
        ("{}".to_owned(), "expected"),
        (json!({ "do": "dance" }).to_string(), "expected"),
        (json!({ "do": "say", "text": 5 }).to_string(), "expected"),
        (
            json!({ "do": "say", "text": "x", "from": "y" }).to_string(),
            "expected",
        ),
        (say(""), "say something"),
        (say("  "), "say something"),
        (say(&"x".repeat(501)), "at most 500"),
        (say("\u{7}"), "control"),
        (say("a\0b"), "control"),
    ] {
        assert!(newcomer.error_for(&input).contains(words), "{input}");
    }
    newcomer.insist(&"ö".repeat(500));
    assert_eq!(witness.next()["is"], "joined");
    assert_eq!(witness.next()["is"], "said");
    chat.end();
}

#[test]
fn a_client_that_sends_too_fast_is_warned_and_may_continue_later() {
    let chat = Example::start("chat", &[]);
    let (mut fast, _) = Person::join(chat.http, "r", "fast");
    let (mut calm, _) = Person::join(chat.http, "r", "calm");
    // More than a burst and what is earned for as long as a test waits at all.
    const MESSAGES: usize = 1_000;
    (0..MESSAGES).for_each(|n| fast.say(&n.to_string()));
    let answer = fast.answer();
    assert!(answer["text"].as_str().unwrap().contains("too fast"));
    calm.say("I am not concerned");
    fast.insist("last");
    let (mut said, mut own) = (0, 0);
    loop {
        let event = calm.next();
        if event["text"] == "last" {
            break;
        }
        said += usize::from(event["from"] == "fast");
        own += usize::from(event["from"] == "calm");
    }
    assert_eq!(own, 1);
    assert!(
        (1..MESSAGES).contains(&said),
        "{said} of {MESSAGES} got through"
    );
    chat.end();
}

#[test]
fn tcp_leads_to_the_lobby() {
    let chat = Example::start("chat", &[]);
    let (mut browser, _) = Person::join(chat.http, "lobby", "browser");
    let mut terminal = LengthPrefix::connect(chat.tcp);
    terminal.send(join("terminal").as_bytes());
    let mut next = || serde_json::from_slice::<Value>(&terminal.next()).unwrap();
    assert_eq!(next()["is"], "room");
    assert_eq!(next()["you"], "terminal");
    assert_eq!(browser.next()["name"], "terminal");
    terminal.send(say("over TCP").as_bytes());
    assert_eq!(browser.next()["text"], "over TCP");
    chat.end();
}

#[test]
fn a_path_that_names_no_chat_is_not_found() {
    let chat = Example::start("chat", &[]);
    let get = |path: &str| {
        ask(
            chat.http,
            format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"),
        )
    };
    for path in ["/", "/room/tea", "/room/Tea_2-3"] {
        let answer = get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains("<!DOCTYPE html>"));
    }
    let long = format!("/room/{}", "x".repeat(33));
    for path in ["/room/", "/room", "/room/a/b", "/room/%41", "/x", &long] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    let post = ask(chat.http, "POST / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(post.status, 405);
    chat.end();
}
