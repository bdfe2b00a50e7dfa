use super::*;
use crate::limits::TOPIC_BYTES_MAX;
use crate::pattern::PatternError;

fn settings(last: u32) -> TopicSettings {
    TopicSettings {
        first: First::Last(last),
        ..TopicSettings::default()
    }
}

fn check(namespaces: &Namespaces, topic: &str, first: First) {
    assert_eq!(namespaces.of(topic).first, first, "{topic}");
    let mut key = SettingsKey::default();
    for topic in [topic, "not asked again"] {
        assert_eq!(namespaces.get(&mut key, topic).first, first, "{topic}");
    }
}

#[test]
fn the_first_namespace_that_has_a_topic_counts() {
    let namespaces = Namespaces::new(
        TopicSettings::default(),
        vec![
            (Scope::name("match").unwrap(), settings(1)),
            (Scope::pattern("device/+/state").unwrap(), settings(2)),
            (Scope::pattern("match:{id}/#").unwrap(), settings(3)),
            (Scope::pattern("device/#").unwrap(), settings(4)),
            (Scope::name("größe").unwrap(), settings(5)),
        ],
    );
    for (topic, first) in [
        ("match:1", First::Last(1)),
        ("match:1/a", First::Last(1)),
        ("match:", First::Last(1)),
        ("match", First::Nothing),
        ("matches:1", First::Nothing),
        ("rematch:1", First::Nothing),
        ("a/match:1", First::Nothing),
        ("device/7/state", First::Last(2)),
        ("device/7/state/x", First::Last(4)),
        ("größe:1", First::Last(5)),
        ("", First::Nothing),
    ] {
        check(&namespaces, topic, first);
    }
    check(&Namespaces::default(), "match:1", First::Nothing);
}

#[test]
fn a_topic_finds_its_settings_again_in_a_table_that_replaces_another() {
    let of = |last| {
        let named = vec![(Scope::name("match").unwrap(), settings(last))];
        Namespaces::new(TopicSettings::default(), named)
    };
    let mut namespaces = of(1);
    let mut key = SettingsKey::default();
    // More often than generations are told apart.
    for last in (1..600).map(|number| number / 2) {
        namespaces.replace(of(last));
        let found = namespaces.get(&mut key, "match:1");
        assert_eq!(found.first, First::Last(last));
    }
}

#[test]
fn a_history_may_end_where_some_topics_have_none_any_more() {
    let with = |has_history: bool| TopicSettings {
        history: has_history.then(|| HistorySettings {
            entries_max: 1,
            bytes_max: 1,
            ttl: Duration::from_secs(1),
            meta_ttl: Duration::from_secs(1),
            is_keyed: false,
        }),
        ..settings(1)
    };
    let of = |default, named| {
        let named = vec![(Scope::name("match").unwrap(), with(named))];
        Namespaces::new(with(default), named)
    };
    let ends = |before: (bool, bool), after: (bool, bool)| {
        of(before.0, before.1).replace(of(after.0, after.1))
    };
    assert!(!ends((false, false), (true, false)));
    assert!(!ends((false, true), (true, true)));
    assert!(ends((false, true), (true, false)));
    assert!(ends((true, true), (true, false)));
    assert!(!ends((true, false), (true, false)), "nothing changes");
    let policy = |slow_consumer| {
        let settings = TopicSettings {
            slow_consumer,
            ..with(true)
        };
        let named = vec![(Scope::name("match").unwrap(), settings)];
        Namespaces::new(with(false), named)
    };
    let mut namespaces = policy(None);
    assert!(!namespaces.replace(policy(Some(SlowConsumer::Latest))));
    assert!(namespaces.replace(of(false, false)));
}

#[test]
fn a_scope_that_no_topic_or_not_every_client_has_is_refused() {
    for (name, error) in [
        ("", ScopeError::Length),
        (&"x".repeat(TOPIC_BYTES_MAX + 1), ScopeError::Length),
        ("match:", ScopeError::Colon),
    ] {
        assert_eq!(Scope::name(name), Err(error), "{name}");
    }
    for (pattern, error) in [
        ("a+", ScopeError::Pattern(PatternError::Wildcard)),
        ("device/{user}", ScopeError::Client),
    ] {
        assert_eq!(Scope::pattern(pattern), Err(error), "{pattern}");
    }
}

#[test]
fn closed_namespaces_know_topics_of_their_scopes_and_those_of_no_namespace() {
    let scopes = ["chat:{id}", "device/+/state", "room:+/x"].map(Scope::pattern);
    let names = ["news", "größe"].map(Scope::name);
    let scopes = names.into_iter().chain(scopes);
    let scopes = scopes.map(|scope| (scope.unwrap(), settings(1))).collect();
    let open = Namespaces::new(TopicSettings::default(), scopes);
    let closed = open.clone().closed(true);
    for (topic, is_unknown) in [
        ("lobby", false),
        ("a/b:c", false),
        ("news:1", false),
        ("news:", false),
        ("größe:1", false),
        ("nwes:1", true),
        ("News:1", true),
        ("$news:1", true),
        (":", true),
        ("chat:7", false),
        ("chat:7/x", true),
        ("room:7/x", false),
        ("room:7/y", true),
        ("#acme:ann", false),
        ("dialog#a:1,b", false),
    ] {
        assert_eq!(closed.is_unknown(topic), is_unknown, "{topic}");
        assert!(!open.is_unknown(topic));
    }
    for (pattern, is_unknown) in [
        ("#", false),
        ("+/x", false),
        ("+:x/+", false),
        ("news:#", false),
        ("news:+/x", false),
        ("nwes:#", true),
        ("chat:+", false),
        ("chat:+/x", true),
        ("room:#", false),
        ("room:+/y", true),
    ] {
        assert_eq!(closed.is_unknown_pattern(pattern), is_unknown, "{pattern}");
        assert!(!open.is_unknown_pattern(pattern));
    }
    let mut reloaded = open;
    reloaded.replace(closed);
    assert!(reloaded.is_unknown("nwes:1"), "a reload closes them");
}
