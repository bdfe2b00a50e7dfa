use super::*;
use crate::cli::top::view::ShardRates;

fn view(shards: usize, topics: usize) -> View {
    let topic = |index: usize| Topic {
        topic: format!("topic-{index}"),
        subscribers: 12_345,
        messages_per_second: Some(1_500.0),
        ..Topic::default()
    };
    let quantiles = Quantiles {
        p50: 64e-6,
        p99: 1e-3,
        p999: 0.25,
    };
    let shard = ShardView {
        connections: 25_000,
        rates: Some(ShardRates {
            busy: 0.43,
            turn_seconds: Some(quantiles),
            ..ShardRates::default()
        }),
        ..ShardView::default()
    };
    View {
        version: "1.2.3".to_owned(),
        ready: true,
        rates: Some(Rates {
            messages_out: 1.5e6,
            cpus: 1.5,
            delivery_seconds: Some(quantiles),
            ..Rates::default()
        }),
        shards: vec![shard; shards],
        slow: Some(Vec::new()),
        topics: Some((0..topics).map(topic).collect()),
        ..View::default()
    }
}

fn texts(view: &View, notes: &Notes, columns: usize, rows: usize) -> Vec<String> {
    let lines = page(view, notes, Size { columns, rows });
    lines.into_iter().map(|line| line.text).collect()
}

fn notes() -> Notes {
    Notes {
        address: "127.0.0.1:9090".to_owned(),
        keys: true,
        ..Notes::default()
    }
}

#[test]
fn everything_is_there_and_fits_80_columns() {
    let lines = texts(&view(2, 3), &notes(), 80, 24);
    let all = lines.join("\n");
    for part in [
        "corecast 1.2.3 at 127.0.0.1:9090",
        "CPUs 1.50",
        "out 1.5 M msg/s",
        "50 % < 64 µs, 99 % < 1.0 ms, 99.9 % < 250 ms",
        "    1      25.0 k       0       0   43 %   1.0 ms    none     0       0 B      0",
        "every client keeps up",
        "TOPICS BY MESSAGES/S",
        "topic-2",
        "12.3 k     1500",
        "q: quit   s: topics by subscribers",
    ] {
        assert!(all.contains(part), "{part:?} is not in\n{all}");
    }
    assert!(!all.contains('…'), "{all}");
}

#[test]
fn what_does_not_fit_is_left_out_and_told() {
    for (columns, rows) in [(80, 24), (40, 10), (20, 4), (1, 1), (200, 60)] {
        let lines = texts(&view(64, 100), &notes(), columns, rows);
        assert!(lines.len() <= rows.max(1), "{columns}x{rows}: {lines:#?}");
        let longest = lines.iter().map(|line| line.chars().count()).max();
        assert!(longest <= Some(columns), "{columns}x{rows}: {lines:#?}");
    }
    let lines = texts(&view(64, 100), &notes(), 80, 24);
    assert!(lines.contains(&"and 61 more".to_owned()), "{lines:#?}");
}

#[test]
fn names_control_no_terminal() {
    let mut view = view(1, 1);
    view.topics = Some(vec![Topic {
        topic: "a\u{1b}[2Jb\n".to_owned(),
        ..Topic::default()
    }]);
    let notes = Notes {
        trouble: Some("\u{1b}]0;x\u{7}".to_owned()),
        ..notes()
    };
    for line in texts(&view, &notes, 80, 24) {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn a_shard_without_turns_and_lists_that_do_not_come_stand_out() {
    let mut view = view(2, 0);
    view.shards[1].lag_seconds = 6.0;
    let notes = Notes {
        no_lists: Some("status 504".to_owned()),
        ..notes()
    };
    let lines = page(&view, &notes, Size::PAPER);
    let bad: Vec<_> = lines.iter().filter(|line| line.tone == Tone::Bad).collect();
    let [late, lists] = &bad[..] else {
        panic!("{lines:#?}");
    };
    assert!(late.text.contains("6.0 s"), "{late:?}");
    assert_eq!(lists.text, "status 504");
}

#[test]
fn a_row_is_as_wide_as_its_heading() {
    let row = row(&view(1, 0));
    assert_eq!(row.chars().count(), ROW_HEADING.len(), "{row}");
}
