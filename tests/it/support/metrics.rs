//! The text format of OpenMetrics, read strictly.

use std::collections::BTreeMap;

/// Samples by name and labels, as in `corecast_closes_total{reason="client"}`.
pub(crate) type Samples = BTreeMap<String, f64>;

/// Reads the text format of OpenMetrics 1.0 line by line, and holds it to its rules.
pub(crate) fn parse(text: &str) -> Samples {
    let mut samples = Samples::new();
    let mut family = String::new();
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    let body = text
        .strip_suffix("# EOF\n")
        .expect("ends with the mark of the end");
    for line in body.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (word, name, rest) = (words.next(), words.next(), words.next());
            let (name, rest) = (name.unwrap(), rest.unwrap());
            match word.unwrap() {
                "HELP" => {
                    assert!(rest.ends_with('.'), "{line}");
                    assert!(!kinds.contains_key(name), "{name} is there twice");
                    family = name.to_owned();
                }
                "TYPE" => {
                    assert_eq!(name, family, "{line}");
                    kinds.insert(name.to_owned(), rest.to_owned());
                }
                "UNIT" => assert!(
                    name == family && name.ends_with(&format!("_{rest}")),
                    "{line}"
                ),
                word => panic!("{word}: {line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let suffix = name
            .strip_prefix(&family)
            .unwrap_or_else(|| panic!("{line}"));
        let suffixes: &[&str] = match kinds[&family].as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_sum", "_count", "_bucket"],
            kind => panic!("{kind}"),
        };
        assert!(suffixes.contains(&suffix), "{line}");
        if let Some(labels) = series
            .strip_prefix(name)
            .filter(|labels| !labels.is_empty())
        {
            let labels = labels
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            for label in labels.unwrap().split(',') {
                let (key, value) = label.split_once('=').unwrap();
                assert!(key.bytes().all(|b| b.is_ascii_lowercase()), "{line}");
                assert!(value.starts_with('"') && value.ends_with('"'), "{line}");
            }
        }
        let before = samples.insert(series.to_owned(), value.parse().unwrap());
        assert_eq!(before, None, "{series} is there twice");
    }
    samples
}
