use super::*;
use crate::auth::{Identity, Principal};

/// All texts of these characters up to a length, the empty one too.
fn texts(characters: &[&str], len_max: usize) -> Vec<String> {
    let (mut all, mut last) = (vec![String::new()], vec![String::new()]);
    for _ in 0..len_max {
        let longer = last
            .iter()
            .flat_map(|text| characters.iter().map(move |c| format!("{text}{c}")));
        last = longer.collect();
        all.extend(last.iter().cloned());
    }
    all
}

/// All patterns of up to three of these levels.
fn patterns(levels: &[&str]) -> Vec<Pattern> {
    let mut texts: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
    for len in [levels.len(), levels.len() * levels.len()] {
        let from = texts.len() - len;
        let longer: Vec<String> = texts[from..]
            .iter()
            .flat_map(|text| levels.iter().map(move |level| format!("{text}/{level}")))
            .collect();
        texts.extend(longer);
    }
    let patterns = texts.iter().filter_map(|text| Pattern::parse(text).ok());
    patterns.collect()
}

/// Which of the topics match: for each, whether it does.
fn matching(pattern: &Pattern, topics: &[String], client: &Principal) -> Vec<bool> {
    let topics = topics.iter();
    topics.map(|topic| pattern.matches(topic, client)).collect()
}

#[test]
fn a_rule_covers_or_overlaps_as_the_topics_of_a_small_alphabet_say() {
    let client = Principal::new(Identity::User("a".to_owned()));
    let topics = texts(&["a", ":", "/", "$"], 5);
    let wildcards = patterns(&["a", "", "+", "a:+", "a:#", "#", "$a"]);
    let wildcards: Vec<(&Pattern, Vec<bool>)> = wildcards
        .iter()
        .filter(|pattern| pattern.as_str().contains(['+', '#']))
        .map(|pattern| {
            let mut topics_of = matching(pattern, &topics, &client);
            if pattern.as_str().starts_with(['+', '#']) {
                let of_server = topics.iter().map(|topic| topic.starts_with('$'));
                let both = topics_of.iter_mut().zip(of_server);
                both.for_each(|(matches, is_of_server)| *matches &= !is_of_server);
            }
            (pattern, topics_of)
        })
        .collect();
    let mut counts = [0; 4];
    for rule in patterns(&["a", "$", "+", "a:+", "#", "{x}", "{user}", "a{x}", "{x}:#"]) {
        let topics_of = matching(&rule, &topics, &client);
        for (pattern, others) in &wildcards {
            let words = || format!("{} and {}", rule.as_str(), pattern.as_str());
            let mut both = topics_of.iter().zip(others);
            let covers = rule.covers(pattern.as_str(), &client);
            let overlaps = rule.overlaps(pattern.as_str());
            let has_all = both.clone().all(|(own, other)| *own || !other);
            let has_any = both.any(|(own, other)| *own && *other);
            assert!(!covers || has_all && overlaps, "{}", words());
            assert!(overlaps || !has_any, "{}", words());
            // A long topic that only one of both matches is not among these.
            let is_long = 3 < rule.as_str().len() + pattern.as_str().len();
            if !rule.has_name() && !is_long {
                assert!(covers == has_all && overlaps == has_any, "{}", words());
            }
            let index = usize::from(covers) + 2 * usize::from(overlaps);
            counts[index] += 1;
        }
    }
    let [apart, covers_alone, overlaps_alone, both] = counts;
    assert_eq!(covers_alone, 0);
    assert!(
        [apart, overlaps_alone, both]
            .iter()
            .all(|count| 100 < *count),
        "{counts:?}"
    );
}

#[test]
fn a_rule_is_about_a_pattern_level_by_level() {
    let client = Principal::new(Identity::User("ann".to_owned()));
    for (rule, pattern, covers, overlaps) in [
        ("sensor:secret/#", "sensor:+/temp", false, true),
        ("sensor:#", "sensor:+/temp", true, true),
        ("sensor:+/+", "sensor:+/temp", true, true),
        ("sensor:{id}/temp", "sensor:+/temp", false, true),
        ("sensor:+/humidity", "sensor:+/temp", false, false),
        ("sensor:+/temp", "sensor:#", false, true),
        ("other:#", "sensor:#", false, false),
        ("$secret/#", "#", false, false),
        ("$secret/#", "$secret/+", true, true),
        ("user/{user}/#", "user/ann/+", true, true),
        ("user/{user}/#", "user/+/+", false, true),
        ("+/#", "#", true, true),
        ("#", "#", true, true),
    ] {
        let rule = Pattern::parse(rule).unwrap();
        let found = (rule.covers(pattern, &client), rule.overlaps(pattern));
        assert_eq!(found, (covers, overlaps), "{} {pattern}", rule.as_str());
    }
}
