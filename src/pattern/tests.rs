use serde_json::json;

use super::*;
use crate::auth::{Identity, Principal};

fn client(user: &str) -> Principal {
    let mut client = Principal::new(Identity::User(user.to_owned()));
    client.claims.insert("team".to_owned(), json!("red"));
    client.claims.insert("room".to_owned(), json!(7));
    client.claims.insert("list".to_owned(), json!(["red"]));
    client
}

fn check(pattern: &str, topic: &str, user: &str) -> bool {
    Pattern::parse(pattern)
        .unwrap()
        .matches(topic, &client(user))
}

#[test]
fn a_pattern_matches_whole_topics() {
    for (pattern, topic, expected) in [
        ("news", "news", true),
        ("news", "news2", false),
        ("news", "new", false),
        ("#", "a/b", true),
        ("news/#", "news", true),
        ("news/#", "news/a/b", true),
        ("news/#", "newspaper", false),
        ("a/+/b", "a/x/b", true),
        ("a/+/b", "a//b", true),
        ("a/+/b", "a/x/y/b", false),
        ("+", "a", true),
        ("+", "a/b", false),
        ("+/#", "a/b/c", true),
        ("sensor:+", "sensor:17", true),
        ("sensor:+", "sensor:", true),
        ("sensor:+", "sensor:a:b", true),
        ("sensor:+", "sensor:17/temp", false),
        ("sensor:+/temp", "sensor:17/temp", true),
        ("sensor:+/temp", "other:17/temp", false),
        ("+/temp", "sensor:17/temp", true),
        ("sensor:#", "sensor:17/temp", true),
        ("sensor:#", "sensor:", true),
        ("sensor:#", "sensor", false),
        ("sensor:+/#", "sensor:17", true),
        ("of {user}:#", "of ann:17", true),
        ("match:{id}", "match:17", true),
        ("match:{id}", "match:", false),
        ("match:{id}", "match:1:2", false),
        ("match:{id}", "match:1/2", false),
        ("a-{x}-{y}", "a-1-2", true),
        ("a-{x}-{y}", "a-1", false),
        ("device/{user}/#", "device/ann/up", true),
        ("device/{user}/#", "device/anna/up", false),
        ("device/{user}/#", "device/ann", true),
        ("team:{claim.team}", "team:red", true),
        ("team:{claim.team}", "team:blue", false),
        ("room:{claim.room}", "room:7", true),
        ("list:{claim.list}", "list:red", false),
        ("none:{claim.none}", "none:", false),
        ("{user}", "ann", true),
        ("größe/{id}", "größe/ü", true),
    ] {
        assert_eq!(check(pattern, topic, "ann"), expected, "{pattern} {topic}");
    }
}

#[test]
fn a_user_with_a_slash_or_without_a_name_has_no_topics_of_its_own() {
    assert!(!check("device/{user}/#", "device/ann/x/y", "ann/x"));
    assert!(!check("device/{user}/#", "device//y", ""));
    let pattern = Pattern::parse("device/{user}/#").unwrap();
    assert!(!pattern.matches("device//x", &Principal::default()));
}

#[test]
fn a_name_with_a_character_beside_it_in_the_pattern_has_no_topics() {
    for (pattern, topic, user, expected) in [
        ("notify.{user}.{id}", "notify.ann.1", "ann", true),
        ("notify.{user}.{id}", "notify.ann.b.1", "ann", false),
        ("notify.{user}.{id}", "notify.ann.b.1", "ann.b", false),
        // In another rule, `notify.{user}.{id}`, it would be a topic of ann.
        ("notify.{user}", "notify.ann.b", "ann.b", false),
        ("{user}.{id}", "ann.b.1", "ann.b", false),
        ("{user}:{id}", "ann:b:1", "ann:b", false),
        ("{claim.team}-{user}", "red-a-b", "a-b", false),
        ("{user}-{claim.team}", "a-red", "a", true),
        ("room{user}", "roommia", "mia", true),
        ("room{id}", "roomm1", "mia", true),
        (
            "mail/{user}/#",
            "mail/ann@example.com/1",
            "ann@example.com",
            true,
        ),
    ] {
        assert_eq!(check(pattern, topic, user), expected, "{pattern} {topic}");
    }
}

#[test]
fn a_text_that_is_no_pattern_is_refused() {
    for (text, error) in [
        ("", PatternError::Length),
        ("a+", PatternError::Wildcard),
        ("a/b#", PatternError::Wildcard),
        ("a:b+", PatternError::Wildcard),
        ("a:b:+", PatternError::Wildcard),
        ("a/b:+", PatternError::Wildcard),
        ("a/b:#", PatternError::Wildcard),
        ("+:a", PatternError::Wildcard),
        ("a:#/b", PatternError::Wildcard),
        ("a:+/#/b", PatternError::Rest),
        ("a/#/b", PatternError::Rest),
        ("#/a", PatternError::Rest),
        ("{a", PatternError::Name),
        ("a}", PatternError::Name),
        ("{}", PatternError::Name),
        ("{a b}", PatternError::Name),
        ("{claim.}", PatternError::Name),
        ("{a}{b}", PatternError::Adjacent),
    ] {
        assert_eq!(Pattern::parse(text).unwrap_err(), error, "{text}");
    }
    let long = "x".repeat(2 * TOPIC_BYTES_MAX + 1);
    assert_eq!(Pattern::parse(&long).unwrap_err(), PatternError::Length);
}

#[test]
fn a_pattern_with_a_name_of_the_client_matches_nothing_without_a_client() {
    for (pattern, topic, names_client) in [
        ("device/{user}", "device/ann", true),
        ("device/{certificate}", "device/ann", true),
        ("device/{claim.team}", "device/red", true),
        ("device/{id}/+/#", "device/1/a/b", false),
    ] {
        let parsed = Pattern::parse(pattern).unwrap();
        assert_eq!(parsed.names_client(), names_client, "{pattern}");
        assert_eq!(parsed.matches(topic, &()), !names_client, "{pattern}");
    }
}
