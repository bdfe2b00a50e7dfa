//! An index of patterns that are subscribed to: what it costs a message to find those of its topic,
//! and what a pattern takes.

use std::hint::black_box;

use crate::shard::Shard;
use corecast::topic::patterns::{Patterns, TopicPattern};
use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};

const COUNT: usize = 100_000;

/// All of this file but the report.
pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("patterns");
    find(
        &mut group,
        "of none",
        &Patterns::default(),
        "sensor:7/kitchen/temp",
        0,
    );
    let index = index(COUNT);
    for (name, topic, matches) in [
        ("none", "sensor:none/kitchen/temp", 0),
        ("one", "sensor:7/kitchen/temp", 1),
        ("many", "a/a/a/a/a/a/a/a", choices(8)),
        ("every choice", "a/a/a/a/a/a/a/a/a/a/a/a/b", 0),
    ] {
        find(&mut group, name, &index, topic, matches);
    }
    for (name, topic, channels, sends) in [
        ("publish, of none", "a", vec!["a".to_owned()], 1),
        ("publish, none", "a", sensors("a"), 1),
        ("publish, one", "sensor:7/kitchen/temp", sensors("a"), 1),
        (
            "publish, one and the topic",
            "sensor:7/kitchen/temp",
            sensors("sensor:7/kitchen/temp"),
            1,
        ),
    ] {
        let mut shard = Shard::with_channels(topic, &channels);
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(shard.publish(&[b'7'; 64]), sends));
        });
    }
    let mut index = index;
    let pattern = pattern("sensor:none/+/temp");
    group.bench_function("add and remove", |bencher| {
        bencher.iter(|| {
            index.get_or_add(&pattern);
            index.remove(&pattern).unwrap();
        });
    });
}

/// A topic, and as many patterns of which each has those of one sensor.
fn sensors(topic: &str) -> Vec<String> {
    let patterns = (0..COUNT).map(|number| format!("sensor:{number}/+/temp"));
    std::iter::once(topic.to_owned()).chain(patterns).collect()
}

/// Prints what a pattern takes.
#[expect(clippy::print_stdout, reason = "a report")]
pub(crate) fn report() {
    let before = crate::resident();
    let index = index(COUNT);
    let (resident, bytes) = (crate::resident() - before, index.bytes());
    let [resident, bytes] = [resident, bytes].map(|bytes| bytes / index.len());
    println!("patterns: {resident} B each, of which {bytes} B are counted");
}

fn find(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    index: &Patterns<u32>,
    topic: &str,
    matches: usize,
) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let mut found = 0;
            index.each_match(black_box(topic), |_| found += 1);
            assert_eq!(found, matches);
        });
    });
}

/// Patterns of one sensor each, and those of eight and of twelve levels with each choice of up to
/// four `+`.
fn index(count: usize) -> Patterns<u32> {
    let mut index = Patterns::default();
    for levels in [8_u32, 12] {
        for plus in (0_u32..1 << levels).filter(|plus| (1..=4).contains(&plus.count_ones())) {
            let level = |at: u32| if plus >> at & 1 == 1 { "+" } else { "a" };
            let text: Vec<&str> = (0..levels).map(level).collect();
            index.get_or_add(&pattern(&text.join("/")));
        }
    }
    for number in 0..count - index.len() {
        let pattern = pattern(&format!("sensor:{number}/+/temp"));
        index.get_or_add(&pattern);
    }
    index
}

/// In how many ways one to four of so many levels are chosen.
fn choices(levels: u32) -> usize {
    (0_u32..1 << levels)
        .filter(|plus| (1..=4).contains(&plus.count_ones()))
        .count()
}

fn pattern(text: &str) -> TopicPattern {
    TopicPattern::parse(text).unwrap()
}
