//! A chat with people on all shards.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::example::Example;
use crate::person::{Person, names, number};

#[test]
fn every_member_sees_joins_messages_and_leaves() {
    let chat = Example::start("chat", &[]);
    let mut people = Vec::new();
    // So many that each of the four shards has some.
    for n in 0..24 {
        let name = format!("guest {n}");
        let (person, room) = Person::join(chat.http, "tea", &name);
        assert_eq!(names(&room).len(), n);
        for other in &mut people {
            let event = Person::next(other);
            assert_eq!(
                (&event["is"], &event["name"]),
                (&json!("joined"), &json!(name))
            );
        }
        people.push(person);
    }
    people[5].say("hello");
    for person in &mut people {
        let event = person.next();
        assert_eq!(
            (&event["from"], &event["text"]),
            (&json!("guest 5"), &json!("hello"))
        );
    }
    // Whether they say goodbye or are just gone.
    people.remove(3).send(&json!({ "do": "leave" }));
    drop(people.remove(7));
    let gone: BTreeSet<String> = ["guest 3", "guest 8"].map(str::to_owned).into();
    for person in &mut people {
        let left: BTreeSet<String> = [person.next(), person.next()]
            .iter()
            .filter(|event| event["is"] == "left")
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(left, gone);
    }
    // Another room knows nothing of it; a name that was left is free.
    let (_, room) = Person::join(chat.http, "coffee", "guest 0");
    assert_eq!((names(&room).len(), number(&room)), (0, 0));
    let (_, room) = Person::join(chat.http, "tea", "guest 3");
    assert_eq!(names(&room).len(), 22);
    chat.end();
}

#[test]
fn a_name_is_unique_in_a_room() {
    let chat = Example::start("chat", &[]);
    let (_ada, _) = Person::join(chat.http, "r", "Ada");
    // The others' own names differ: that of the first is free only when the room knows it has left.
    for (name, other_name) in [("Ada", "Bob"), ("ada", "Eve")] {
        let (mut other, _) = Person::connect(chat.http, "r");
        let join = json!({ "do": "join", "name": name }).to_string();
        assert!(other.error_for(&join).contains("taken"));
        // The same connection may try again.
        other.enter(other_name);
        assert!(other.error_for(&join).contains("already"));
    }
    // Of many clients that want the same name at once, on all shards, one gets it.
    let mut many: Vec<Person> = (0..16).map(|_| Person::connect(chat.http, "r").0).collect();
    let join = json!({ "do": "join", "name": "Grace" });
    many.iter_mut().for_each(|person| person.send(&join));
    let answers: Vec<Value> = many.iter_mut().map(Person::answer).collect();
    let welcomes = answers.iter().filter(|answer| answer["is"] == "welcome");
    assert_eq!(welcomes.count(), 1, "{answers:?}");
    chat.end();
}

#[test]
fn a_newcomer_has_the_last_20_messages_and_then_each_once() {
    let chat = Example::start("chat", &[]);
    let (mut talker, _) = Person::join(chat.http, "r", "talker");
    let talk = thread::spawn(move || {
        (0..40).for_each(|n| talker.insist(&n.to_string()));
        talker
    });
    for n in 0..30 {
        let (mut person, room) = Person::join(chat.http, "r", &format!("guest {n}"));
        let history = room["history"].as_array().unwrap();
        assert!(history.len() <= 20);
        let text = |event: &Value| event["text"].as_str().unwrap().parse::<u32>().unwrap();
        let mut told: Vec<u32> = history.iter().map(text).collect();
        // Numbers of the room have no gap, as each person sees to; nor have the messages, from the
        // history on.
        while told.last() != Some(&39) && told.len() < 24 {
            let event = person.next();
            if event["is"] == "said" {
                told.push(text(&event));
            }
        }
        let first = told.first().copied().unwrap_or_default();
        let last = told.last().copied().unwrap_or_default();
        assert!(told.iter().copied().eq(first..=last), "{told:?}");
        assert!(first == 0 || history.len() == 20);
    }
    let _talker = talk.join().unwrap();
    let (_, room) = Person::join(chat.http, "r", "late");
    let history = room["history"].as_array().unwrap();
    let texts: Vec<String> = history.iter().map(|it| it["text"].to_string()).collect();
    let expected: Vec<String> = (20..40).map(|n| format!("\"{n}\"")).collect();
    assert_eq!(texts, expected);
    chat.end();
}

#[test]
fn all_see_200_messages_of_8_talkers_in_one_order() {
    const TALKERS: usize = 8;
    const EACH: usize = 25;
    let chat = Example::start("chat", &[]);
    let mut listeners: Vec<Person> = (0..12).map(|_| Person::connect(chat.http, "r").0).collect();
    for (n, listener) in listeners.iter_mut().enumerate() {
        listener.enter(&format!("listener {n}"));
    }
    let talkers: Vec<Person> = (0..TALKERS)
        .map(|n| Person::join(chat.http, "r", &format!("talker {n}")).0)
        .collect();
    let talking: Vec<_> = talkers
        .into_iter()
        .map(|mut talker| {
            thread::spawn(move || {
                (0..EACH).for_each(|n| talker.insist(&n.to_string()));
                talker
            })
        })
        .collect();
    let seen: Vec<Vec<String>> = listeners
        .iter_mut()
        .map(|listener| {
            let mut said = Vec::new();
            while said.len() < TALKERS * EACH {
                let event = listener.next();
                if event["is"] == "said" {
                    said.push(event.to_string());
                }
            }
            said
        })
        .collect();
    assert!(seen.iter().all(|order| *order == seen[0]));
    talking
        .into_iter()
        .for_each(|talk| drop(talk.join().unwrap()));
    chat.end();
}
