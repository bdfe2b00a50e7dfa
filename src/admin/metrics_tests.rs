use super::*;
use crate::counters::Limit;

fn scrape(shards: usize) -> Scrape {
    Scrape {
        shards: vec![Counters::default(); shards],
        turn_ages: vec![Duration::ZERO; shards],
        ..Scrape::default()
    }
}

#[test]
fn every_metric_is_in_the_documentation_with_its_type() {
    let text = encode(scrape(1)).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families = types.filter_map(|line| line.split_once(' '));
    let (mut families, of_process): (Vec<(&str, &str)>, Vec<_>) =
        families.partition(|(name, _)| name.starts_with("corecast_"));
    let page = include_str!("../../docs/METRICS.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `corecast_"));
    let mut documented: Vec<(String, &str)> = Vec::new();
    for row in rows {
        let (name, rest) = row.split_once("` | ").unwrap();
        let kind = rest.split([' ', ':']).next().unwrap();
        documented.push((format!("corecast_{name}"), kind));
    }
    families.sort_unstable();
    documented.sort_unstable();
    let documented: Vec<(&str, &str)> = documented
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect();
    assert_eq!(documented, families);
    for (family, _) in of_process {
        assert!(page.contains(family), "{family}");
    }
    for limit in Limit::ALL {
        assert!(page.contains(&format!("`{}`", limit.label())), "{limit:?}");
    }
}

#[test]
fn no_family_is_there_twice() {
    let text = encode(scrape(2)).unwrap();
    let mut names: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("# TYPE "))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(text.contains("\ncorecast_ready 0\n"), "{text}");
}
