//! The view as lines of a terminal.

use crate::cli::dial::advice::plain;
use crate::cli::top::Order;
use crate::cli::top::answers::{Connection, Topic};
use crate::cli::top::numbers::{bytes, count, percent, time};
use crate::cli::top::view::{Quantiles, Rates, ShardView, View};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Heading,
    /// Something is wrong.
    Bad,
    Faint,
}

/// What is said beside the numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) address: String,
    /// Why there are no new numbers.
    pub(super) trouble: Option<String>,
    /// Why there are no lists.
    pub(super) no_lists: Option<String>,
    /// The last line: what keys do.
    pub(super) keys: bool,
    pub(super) order: Order,
}

/// How many columns and rows there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Size {
    /// Without a terminal.
    pub(super) const PAPER: Self = Self {
        columns: 100,
        rows: 60,
    };
}

/// All lines that fit.
pub(super) fn page(view: &View, notes: &Notes, size: Size) -> Vec<Line> {
    let mut lines = vec![heading(view, notes)];
    if let Some(trouble) = &notes.trouble {
        lines.push(line(Tone::Bad, plain(trouble)));
    }
    lines.extend(totals(view).map(|text| line(Tone::Plain, text)));
    let left = size
        .rows
        .saturating_sub(lines.len() + usize::from(notes.keys));
    // A third for each part; what one does not need is there for the next.
    let shards = table(
        left / 3,
        "SHARD CONNECTIONS    IN/S   OUT/S   BUSY TURN 99%     LAG LANES   BACKLOG PAUSED",
        view.shards.iter().enumerate().map(|it| shard(it.0, it.1)),
        "",
    );
    let left = left.saturating_sub(shards.len());
    lines.extend(shards);
    if let Some(why) = &notes.no_lists {
        lines.push(line(Tone::Bad, plain(why)));
    } else if let (Some(slow), Some(topics)) = (&view.slow, &view.topics) {
        let names = size.columns.saturating_sub(NUMBERS_COLUMNS).clamp(12, 60);
        let slow = table(
            left / 2,
            &format!("{:<names$}     BACKLOG    BLOCKED", "SLOWEST CONSUMERS"),
            slow.iter().map(|it| connection(it, names)),
            "every client keeps up",
        );
        let left = left.saturating_sub(slow.len());
        lines.extend(slow);
        let title = format!("TOPICS BY {}", notes.order.title());
        lines.extend(table(
            left,
            &format!("{title:<names$} SUBSCRIBERS    MSG/S    BACKLOG   MESSAGES"),
            topics.iter().map(|it| topic(it, names)),
            "no topic has subscribers",
        ));
    }
    lines.truncate(size.rows.saturating_sub(usize::from(notes.keys)));
    if notes.keys {
        let next = notes.order.next().title().to_lowercase();
        lines.push(line(Tone::Faint, format!("q: quit   s: topics by {next}")));
    }
    for line in &mut lines {
        line.text = cut(&line.text, size.columns);
    }
    lines
}

/// One line of totals, for an output that is no terminal; the heading of such lines.
pub(super) fn row(view: &View) -> String {
    let none = || "-".to_owned();
    let rate = |number: fn(&Rates) -> f64| {
        view.rates
            .as_ref()
            .map_or_else(none, |it| count(number(it)))
    };
    let latency = view.rates.as_ref().and_then(|it| it.delivery_seconds);
    let cpus = view
        .rates
        .as_ref()
        .map_or_else(none, |it| format!("{:.2}", it.cpus));
    format!(
        "{:>11} {:>9} {:>9} {:>11} {:>11} {:>9} {:>9} {:>6} {:>10}",
        count(view.connections as f64),
        rate(|it| it.messages_in),
        rate(|it| it.messages_out),
        view.rates
            .as_ref()
            .map_or_else(none, |it| bytes(it.bytes_in)),
        view.rates
            .as_ref()
            .map_or_else(none, |it| bytes(it.bytes_out)),
        latency.map_or_else(none, |it| time(it.p50)),
        latency.map_or_else(none, |it| time(it.p99)),
        cpus,
        bytes(view.resident_bytes as f64),
    )
}

pub(super) const ROW_HEADING: &str =
    "connections      in/s     out/s  bytes in/s bytes out/s     50% <     99% <   cpus     memory";

fn heading(view: &View, notes: &Notes) -> Line {
    let state = if view.ready { "ready" } else { "draining" };
    let (version, up) = (plain(&view.version), time(view.uptime_seconds));
    let address = &notes.address;
    let text = format!("corecast {version} at {address}, up {up}, {state}");
    line(Tone::Heading, text)
}

fn totals(view: &View) -> impl Iterator<Item = String> {
    let connections = count(view.connections as f64);
    let memory = bytes(view.resident_bytes as f64);
    let backlog = bytes(view.backlog_bytes as f64);
    let Some(rates) = &view.rates else {
        let text = format!("{connections} connections   memory {memory}   backlog {backlog}");
        return vec![text].into_iter();
    };
    let all = vec![
        format!(
            "{connections} connections (+{}/s, -{}/s)   CPUs {:.2}   memory {memory}   backlog {backlog}",
            count(rates.opened),
            count(rates.closed),
            rates.cpus,
        ),
        format!(
            "in {} msg/s, {}/s   out {} msg/s, {}/s   skipped {}/s",
            count(rates.messages_in),
            bytes(rates.bytes_in),
            count(rates.messages_out),
            bytes(rates.bytes_out),
            count(rates.skipped),
        ),
        match rates.delivery_seconds {
            None => "publish to last write: no messages".to_owned(),
            Some(it) => format!("publish to last write: {}", quantiles(it)),
        },
    ];
    all.into_iter()
}

fn quantiles(of: Quantiles) -> String {
    let Quantiles { p50, p99, p999 } = of;
    let [half, most, nearly] = [p50, p99, p999].map(time);
    format!("50 % < {half}, 99 % < {most}, 99.9 % < {nearly}")
}

fn shard(index: usize, shard: &ShardView) -> Line {
    let none = || "-".to_owned();
    let rates = shard.rates.as_ref();
    let turn = rates.and_then(|rates| rates.turn_seconds);
    let is_late = LATE_SECONDS <= shard.lag_seconds;
    let lag = if shard.lag_seconds < LAG_SECONDS {
        "none".to_owned()
    } else {
        time(shard.lag_seconds)
    };
    let text = format!(
        "{index:>5} {:>11} {:>7} {:>7} {:>6} {:>8} {lag:>7} {:>5} {:>9} {:>6}",
        count(shard.connections as f64),
        rates.map_or_else(none, |it| count(it.messages_in)),
        rates.map_or_else(none, |it| count(it.messages_out)),
        rates.map_or_else(none, |it| percent(it.busy)),
        turn.map_or_else(none, |turn| time(turn.p99)),
        count(shard.lanes as f64),
        bytes(shard.backlog_bytes as f64),
        count(shard.paused as f64),
    );
    line(if is_late { Tone::Bad } else { Tone::Plain }, text)
}

fn connection(of: &Connection, names: usize) -> Line {
    let more = of.subscriptions.saturating_sub(of.topics.len() as u64);
    let mut parts = vec![of.id.clone(), of.user.clone(), of.address.clone()];
    parts.push(of.topics.join(", "));
    if more != 0 {
        parts.push(format!("+ {more}"));
    }
    parts.retain(|part| !part.is_empty());
    let name = cut(&plain(&parts.join("  ")), names);
    let (backlog, blocked) = (bytes(of.backlog_bytes as f64), time(of.blocked_seconds));
    line(
        Tone::Plain,
        format!("{name:<names$} {backlog:>11} {blocked:>10}"),
    )
}

fn topic(of: &Topic, names: usize) -> Line {
    let name = cut(&plain(&of.topic), names);
    let rate = of.messages_per_second.map_or_else(|| "-".to_owned(), count);
    line(
        Tone::Plain,
        format!(
            "{name:<names$} {:>11} {rate:>8} {:>10} {:>10}",
            count(of.subscribers as f64),
            bytes(of.backlog_bytes as f64),
            count(of.messages as f64),
        ),
    )
}

/// A part with a heading after an empty line, in at most so many rows.
fn table(
    rows: usize,
    heading: &str,
    lines: impl ExactSizeIterator<Item = Line>,
    none: &str,
) -> Vec<Line> {
    let mut all = vec![
        line(Tone::Plain, String::new()),
        line(Tone::Heading, heading.to_owned()),
    ];
    let space = rows.saturating_sub(all.len());
    let left = lines.len().saturating_sub(space);
    if lines.len() == 0 && !none.is_empty() {
        all.push(line(Tone::Faint, none.to_owned()));
    }
    // The last row says how many are left out.
    let shown = if left == 0 {
        space
    } else {
        space.saturating_sub(1)
    };
    let hidden = left + space - shown;
    all.extend(lines.take(shown));
    if left != 0 {
        all.push(line(Tone::Faint, format!("and {hidden} more")));
    }
    all
}

fn line(tone: Tone, text: String) -> Line {
    Line { text, tone }
}

/// The front of a text, with a mark where the rest is left out.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let front = text.chars().take(columns.saturating_sub(1));
    front.chain(['…']).take(columns).collect()
}

/// What the numbers of a topic take.
const NUMBERS_COLUMNS: usize = 43;
/// Shards are looked at every half second, so that less is no lag.
const LAG_SECONDS: f64 = 1.0;
/// As `/livez` has it.
const LATE_SECONDS: f64 = 5.0;

#[cfg(test)]
mod tests;
