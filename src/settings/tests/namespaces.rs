//! What holds for topics by their names.

use std::time::Duration;

use crate::config::{First, SlowConsumer, TopicSettings};
use crate::settings::tests::{load, read};

const MINUTE: Duration = Duration::from_secs(60);

fn of(text: &str, env: &[(&str, &str)], topic: &str) -> TopicSettings {
    let settings = read(text, env, &[]).unwrap();
    settings.topic_settings().of(topic).clone()
}

#[test]
fn a_namespace_has_the_keys_of_topics_but_for_its_own() {
    let text = "\
[[namespace]]
name = \"match\"
history_ttl = \"2m\"
first = \"last\"
[[namespace]]
pattern = \"device/+/state\"
history_size = \"off\"
slow_consumer = \"latest\"
[[namespace]]
name = \"keyed\"
keys = true
[topics]
history_size = 10
history_ttl = \"1m\"
slow_consumer = \"disconnect\"
";
    let settings = of(text, &[], "match:1");
    let history = settings.history.unwrap();
    assert_eq!((history.entries_max, history.ttl), (10, 2 * MINUTE));
    assert_eq!(history.meta_ttl, 62 * MINUTE);
    assert_eq!(settings.first, First::Last(1));
    assert_eq!(settings.slow_consumer, Some(SlowConsumer::Disconnect));

    let settings = of(text, &[], "device/7/state");
    assert_eq!((settings.history, settings.first), (None, First::Nothing));
    assert_eq!(settings.slow_consumer, Some(SlowConsumer::Latest));

    let settings = of(text, &[], "keyed:1");
    assert!(settings.history.unwrap().is_keyed);
    assert_eq!(settings.first, First::Last(u32::MAX));

    let settings = of(text, &[], "other");
    let history = settings.history.unwrap();
    assert_eq!((history.entries_max, history.ttl), (10, MINUTE));
    assert_eq!(settings.first, First::Nothing);
}

#[test]
fn variables_change_and_add_namespaces() {
    let text = "[[namespace]]\nname = \"match\"\nhistory_size = 5\n";
    let env = [
        ("CORECAST_NAMESPACE_0_HISTORY_SIZE", "6"),
        ("CORECAST_NAMESPACE_1_PATTERN", "#"),
        ("CORECAST_NAMESPACE_1_FIRST", "3"),
        ("CORECAST_TOPICS_HISTORY_SIZE", "7"),
    ];
    let size = |topic| of(text, &env, topic).history.unwrap().entries_max;
    assert_eq!((size("match:1"), size("other")), (6, 7));
    assert_eq!(of(text, &env, "other").first, First::Last(3));
    let left = load("", &[("CORECAST_NAMESPACE_1_NAME", "a")], &[]);
    let expected = "CORECAST_NAMESPACE_1_NAME: namespace.1.name: the namespace with the number \
                    before it is missing; continue from CORECAST_NAMESPACE_0_";
    assert!(left[0].starts_with(expected), "{left:?}");
    let slip = load("", &[("CORECAST_NAMESPACE_0_HISTORY", "a")], &[]);
    assert!(slip[0].contains("unknown key"), "{slip:?}");
}

fn check(text: &str, expected: &str) {
    let problems = load(text, &[], &[]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with(expected), "{problems:?}");
}

#[test]
fn topics_of_namespaces_that_are_none_are_refused_where_that_is_asked_for() {
    let named = "[[namespace]]\nname = \"match\"\n";
    for (is_required, is_unknown) in [("true", true), ("false", false)] {
        let text = format!("{named}[topics]\nrequire_namespace = {is_required}");
        let settings = read(&text, &[], &[]).unwrap();
        assert!(!settings.topic_settings().is_unknown("match:1"));
        assert_eq!(settings.topic_settings().is_unknown("mtach:1"), is_unknown);
        let explained = settings.explain_topic("mtach:1");
        assert_eq!(explained.contains("is refused"), is_unknown, "{explained}");
    }
    check(
        "[topics]\nrequire_namespace = true\n\
         [[listener]]\nprotocol = \"line\"\naddress = \"127.0.0.1:0\"\ntopic = \"a:b\"",
        "c.toml:6: listener.0.topic: is in no namespace; add a [[namespace]] for it, or set \
         require_namespace = false",
    );
}

#[test]
fn keys_about_topics_that_contradict_each_other_are_reported() {
    check(
        "[topics]\nhistory_size = 0",
        "c.toml:2: topics.history_size: cannot be 0; must be a number from 1 to 1000000 or \"off\"",
    );
    check(
        "[topics]\nhistory_size = 5\nfirst = \"newest\"",
        "c.toml:3: topics.first: cannot be \"newest\"; must be \"auto\", \"nothing\", \"last\", \
         \"all\" or a number of at least 1",
    );
    check(
        "[topics]\nhistory_size = 5\nfirst = 0",
        "c.toml:3: topics.first: cannot be 0; must be",
    );
    check(
        "[topics]\nfirst = \"last\"",
        "c.toml:2: topics.first: has no effect without a history; set history_size",
    );
    check(
        "[[namespace]]\nname = \"a\"\nkeys = true",
        "c.toml:3: namespace.0.keys: has no effect without a history; set history_size",
    );
    check(
        "[topics]\nflush_latest = true",
        "c.toml:2: topics.flush_latest: has no effect without ticks; set flush, or leave it out",
    );
    check(
        "[topics]\nforce_push_join_leave = true",
        "c.toml:2: topics.force_push_join_leave: has no effect without joins and leaves; set \
         join_leave",
    );
    check(
        "[[namespace]]\nname = \"a\"\nforce_recovery = true",
        "c.toml:3: namespace.0.force_recovery: has no effect without a history; set history_size",
    );
    check(
        "[topics]\nhistory_size = 5\nhistory_meta_ttl = \"1m\"",
        "c.toml:3: topics.history_meta_ttl: 1m is less than history_ttl, 5m; must be at least",
    );
    let both = "[topics]\nfirst = \"last\"\n[[namespace]]\nname = \"a\"\nhistory_size = 1";
    assert_eq!(load(both, &[], &[]), [""; 0], "for the namespace");
}

#[test]
fn a_namespace_without_topics_of_its_own_is_reported() {
    check(
        "[[namespace]]\nhistory_size = 1",
        "c.toml:1: namespace.0.name: is missing; set name",
    );
    check(
        "[[namespace]]\nname = \"a\"\npattern = \"a/#\"",
        "c.toml:3: namespace.0.pattern: a namespace has a name or a pattern; make two",
    );
    check(
        "[[namespace]]\nname = \"a:\"",
        "c.toml:2: namespace.0.name: the name of a namespace ends before the first `:`; must be",
    );
    check(
        "[[namespace]]\npattern = \"a/{user}\"",
        "c.toml:2: namespace.0.pattern: settings do not depend on the client; write {id} or +",
    );
    check(
        "[[namespace]]\npattern = \"a+\"",
        "c.toml:2: namespace.0.pattern: + and # stand for whole levels, between / or after the first : \
             of a name; must",
    );
    check(
        "[[namespace]]\nname = \"a\"\n[[namespace]]\nname = \"a\"",
        "c.toml:4: namespace.1.name: namespace.0 has it, too; put the keys of both into one table",
    );
    check(
        "[[namespace]]\nname = \"a\"\nlinger = \"1s\"",
        "c.toml:3: namespace.0.linger: unknown key; see",
    );
    check(
        "[[namespaces]]\nname = \"a\"",
        "c.toml:1: namespaces: unknown key; did you mean namespace?",
    );
    check(
        "namespace = 1",
        "c.toml:1: namespace: must be a list of tables; each",
    );
    let many: String = (0..=256)
        .map(|number| format!("[[namespace]]\nname = \"{number}\"\n"))
        .collect();
    check(
        &many,
        "c.toml:513: namespace: there are 257; at most 256 are possible; use patterns",
    );
}

#[test]
fn the_settings_of_a_topic_are_explained() {
    let text = "[topics]\nhistory_size = 10\n[[namespace]]\nname = \"match\"\nfirst = 3\n";
    let env = [("CORECAST_TOPICS_HISTORY_TTL", "1m")];
    let settings = read(text, &env, &[]).unwrap();
    let expected = "topic \"match:1\" is in namespace 0 (c.toml:3):\n\
                    name = \"match\" # c.toml:4\n\
                    slow_consumer = \"drop-oldest\" # default\n\
                    history_size = 10 # c.toml:2\n\
                    history_bytes = \"1MiB\" # default\n\
                    history_ttl = \"1m\" # CORECAST_TOPICS_HISTORY_TTL\n\
                    history_meta_ttl = \"auto\" # default\n\
                    keys = false # default\n\
                    first = 3 # c.toml:5\n\
                    flush = \"off\" # default\n\
                    flush_latest = false # default\n\
                    presence = false # default\n\
                    join_leave = false # default\n\
                    force_push_join_leave = false # default\n\
                    force_recovery = false # default\n\
                    force_positioning = false # default\n\
                    subscribers_max = \"off\" # default\n\
                    exclude_publisher = false # default\n\
                    delta = false # default\n\
                    local = false # default\n";
    assert_eq!(settings.explain_topic("match:1"), expected);
    let other = settings.explain_topic("other");
    assert!(other.starts_with("topic \"other\" is in no namespace:\nslow_consumer"));
    assert!(other.contains("first = \"auto\" # default\n"), "{other}");
}
