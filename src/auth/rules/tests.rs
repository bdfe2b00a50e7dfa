use super::*;

fn rules(texts: &[&str]) -> Rules {
    Rules::parse(texts).unwrap()
}

fn by(rules: &Rules, identity: Identity, action: Action, topic: &str) -> (bool, String) {
    let verdict = rules.decide(&Principal::new(identity), action, topic);
    (verdict.is_allowed, verdict.by.to_string())
}

fn user(name: &str) -> Identity {
    Identity::User(name.to_owned())
}

#[test]
fn the_first_rule_about_client_action_and_topic_decides() {
    let rules = rules(&[
        "deny anyone all secret/#",
        "users subscribe+publish match:{id}",
        "anyone subscribe match:{id}",
        "user:root all #",
    ]);
    let check = |identity, action, topic, allowed, decider: &str| {
        let expected = (allowed, decider.to_owned());
        assert_eq!(by(&rules, identity, action, topic), expected, "{topic}");
    };
    let (subscribe, publish) = (Action::Subscribe, Action::Publish);
    let second = "rule 2, `users subscribe+publish match:{id}`";
    check(user("ann"), publish, "match:1", true, second);
    let third = "rule 3, `anyone subscribe match:{id}`";
    check(Identity::Anonymous, subscribe, "match:1", true, third);
    check(Identity::Anonymous, publish, "match:1", false, "no rule");
    check(user("ann"), Action::History, "match:1", false, "no rule");
    let first = "rule 1, `deny anyone all secret/#`";
    check(user("root"), subscribe, "secret/1", false, first);
    check(
        user("root"),
        publish,
        "any",
        true,
        "rule 4, `user:root all #`",
    );
    check(user("ann"), publish, "any", false, "no rule");
}

#[test]
fn a_rule_is_about_its_clients_alone() {
    let key = || Identity::Key("back".to_owned());
    let certificate = || Identity::Certificate("device-7".to_owned());
    let identities = || {
        [
            Identity::Anonymous,
            user(""),
            user("ann"),
            key(),
            certificate(),
        ]
    };
    for (subject, expected) in [
        ("anyone", [true, true, true, true, true]),
        ("anonymous", [true, true, false, false, false]),
        ("users", [false, false, true, false, false]),
        ("user:ann", [false, false, true, false, false]),
        ("user:bob", [false; 5]),
        ("keys", [false, false, false, true, false]),
        ("key:back", [false, false, false, true, false]),
        ("key:front", [false; 5]),
        ("certificates", [false, false, false, false, true]),
        ("certificate:device-7", [false, false, false, false, true]),
        ("certificate:device-8", [false; 5]),
        (
            "certificate:\"device-7\"",
            [false, false, false, false, true],
        ),
        ("certificate:\"device 7\"", [false; 5]),
    ] {
        let rules = rules(&[&format!("{subject} publish a")]);
        let allowed = identities().map(|id| by(&rules, id, Action::Publish, "a").0);
        assert_eq!(allowed, expected, "{subject}");
    }
}

#[test]
fn a_certificate_has_no_topics_of_the_user_with_its_name() {
    let rules = rules(&["anyone all device/{user}/#", "anyone all up/{certificate}"]);
    let allowed = |identity, topic| by(&rules, identity, Action::Publish, topic).0;
    let certificate = || Identity::Certificate("ann".to_owned());
    assert!(allowed(user("ann"), "device/ann/1") && !allowed(certificate(), "device/ann/1"));
    assert!(allowed(certificate(), "up/ann") && !allowed(user("ann"), "up/ann"));
}

#[test]
fn a_name_in_quotes_has_spaces() {
    let rules = rules(&[
        "certificate:\"O=a b: c\" publish a:\"b\"",
        "deny user:\"x y\" all #",
    ]);
    let certificate = Identity::Certificate("O=a b: c".to_owned());
    assert!(by(&rules, certificate, Action::Publish, "a:\"b\"").0);
    let denied = by(&rules, user("x y"), Action::Publish, "a");
    assert_eq!(
        denied,
        (false, "rule 2, `deny user:\"x y\" all #`".to_owned())
    );
}

#[test]
fn a_text_that_is_no_rule_is_refused_with_its_word() {
    for (text, expected) in [
        ("", "a rule is"),
        ("users subscribe", "a rule is"),
        ("deny users subscribe", "a rule is"),
        ("user subscribe a", "\"user\" are no clients"),
        ("key: subscribe a", "\"key:\" are no clients"),
        ("key:\"a subscribe a", "a rule is"),
        ("users write a", "\"write\" is no action"),
        ("users subscribe+ a", "\"\" is no action"),
        ("users subscribe a/#/b", "# must be the last level"),
    ] {
        let error = Rule::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn a_pattern_that_is_allowed_has_no_topic_that_is_not() {
    let patterns = [
        "a", "a/#", "a:#", "a:+", "+", "+/a", "a/{x}", "{user}/#", "#", "a:a/+", "$a/#",
    ];
    let all: Vec<String> = ["", "deny "]
        .into_iter()
        .flat_map(|deny| patterns.map(|pattern| format!("{deny}users subscribe {pattern}")))
        .collect();
    let subscribed = [
        "a/+", "a:+", "a:#", "+/a", "#", "+", "a:+/a", "a/#", "+/#", "$a/+",
    ];
    let mut topics = vec![String::new()];
    for at in 0..340 {
        let longer = ["a", "b", ":", "/", "$"].map(|c| format!("{}{c}", topics[at]));
        topics.extend(longer);
    }
    let client = Principal::new(user("a"));
    let mut allowed = 0;
    for (first, second) in all
        .iter()
        .flat_map(|one| all.iter().map(move |two| (one, two)))
    {
        let rules = rules(&[first, second]);
        for pattern in subscribed {
            if !rules.decide_pattern(&client, pattern).is_allowed {
                continue;
            }
            allowed += 1;
            let is_wild = pattern.starts_with(['+', '#']);
            let matcher = Pattern::parse(pattern).unwrap();
            for topic in topics.iter().filter(|topic| matcher.matches(topic, &())) {
                let is_allowed = || rules.decide(&client, Action::Subscribe, topic).is_allowed;
                let is_left_out = is_wild && topic.starts_with('$');
                assert!(
                    is_left_out || is_allowed(),
                    "{first}, {second}: {pattern} has {topic}"
                );
            }
        }
    }
    assert!(500 < allowed, "{allowed}");
}

#[test]
fn the_first_rule_that_denies_some_topics_of_a_pattern_or_allows_all_decides() {
    let rules = rules(&[
        "users publish #",
        "users subscribe sensor:{id}",
        "deny users subscribe sensor:secret/#",
        "users subscribe sensor:#",
    ]);
    let client = Principal::new(user("ann"));
    let check = |pattern, allowed, by: &str| {
        let verdict = rules.decide_pattern(&client, pattern);
        let found = (verdict.is_allowed, verdict.by.to_string());
        assert_eq!(found, (allowed, by.to_owned()), "{pattern}");
    };
    let denied = "rule 3, `deny users subscribe sensor:secret/#`";
    check("sensor:+/temp", false, denied);
    check("sensor:#", false, denied);
    check("sensor:open/+", true, "rule 4, `users subscribe sensor:#`");
    check("#", false, denied);
    check("other:#", false, "no rule");
}
