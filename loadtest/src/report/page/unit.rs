//! Units: found at the end of a name, written for people.

use indicatif::HumanFloatCount;
use serde_json::Value;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Things per second.
    PerSecond,
    /// Microseconds.
    Micros,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of one, told in percent.
    Share,
    /// CPUs.
    Cores,
}

/// The last word of a name, and its unit.
const WORDS: &[(&str, Unit)] = &[
    ("us", Unit::Micros),
    ("s", Unit::Seconds),
    ("bytes", Unit::Bytes),
    ("share", Unit::Share),
    ("cores", Unit::Cores),
];

impl Unit {
    /// The unit of a name as `latency_p99_us`, and the name without it. What is told per something
    /// keeps that in its name.
    pub(crate) fn split(name: &str) -> (Self, String) {
        let spaced = |text: &str| text.replace(['_', '-'], " ");
        if let Some(rest) = name.strip_suffix("_per_s") {
            return (Self::PerSecond, spaced(rest));
        }
        let (head, per) = name.split_at(name.find("_per_").unwrap_or(name.len()));
        let (rest, word) = head.rsplit_once('_').unwrap_or((head, head));
        match WORDS.iter().find(|(unit, _)| *unit == word) {
            Some((_, unit)) => (*unit, spaced(&[rest, per].concat())),
            None => (Self::Count, spaced(name)),
        }
    }

    /// What numbers up to `max` are divided by, and the unit that they have then.
    pub(crate) fn measure(self, max: f64) -> (f64, &'static str) {
        let steps: &[(f64, &str)] = match self {
            Self::Micros => &[(1e6, "s"), (1e3, "ms"), (1.0, "µs")],
            Self::Seconds => &[
                (3600.0, "h"),
                (60.0, "min"),
                (1.0, "s"),
                (1e-3, "ms"),
                (1e-6, "µs"),
            ],
            Self::Bytes => &[
                (1_073_741_824.0, "GiB"),
                (1_048_576.0, "MiB"),
                (1_024.0, "KiB"),
                (1.0, "B"),
            ],
            Self::PerSecond => &[(1e6, "million/s"), (1e3, "thousand/s"), (1.0, "per second")],
            Self::Count => &[(1e6, "million"), (1e4, "thousand"), (1.0, "")],
            Self::Share => &[(0.01, "%")],
            Self::Cores => &[(1.0, "CPUs")],
        };
        let fits =
            |(step, _): &&(f64, &str)| max.abs() >= *step * if *step > 1.0 { 1.5 } else { 1.0 };
        let found = steps.iter().find(fits).or_else(|| steps.last());
        match found.copied().unwrap_or((1.0, "")) {
            // A thousand is the unit from ten thousand on.
            (_, "thousand") => (1e3, "thousand"),
            other => other,
        }
    }

    /// A number with its unit, as `1.49 ms`.
    pub(crate) fn text(self, value: f64) -> String {
        let whole = || match value.fract() == 0.0 {
            true if 0.0 <= value => HumanFloatCount(value).to_string(),
            _ => number(value),
        };
        match self {
            Self::Count => whole(),
            Self::PerSecond => format!("{}/s", whole()),
            _ => {
                let (divisor, label) = self.measure(value);
                format!("{} {label}", number(value / divisor))
            }
        }
    }
}

/// A value of the JSON for people, in the unit that its name ends with; none where there is nothing
/// to tell.
pub(crate) fn value_text(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(Unit::split(name).0.text(number.as_f64()?)),
        Value::Bool(is) => Some(if *is { "yes" } else { "no" }.to_owned()),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) => {
            let items = items.iter().filter_map(|item| value_text(name, item));
            Some(items.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// Three digits that count, and none that do not.
pub(crate) fn number(value: f64) -> String {
    if value < 0.0 {
        return format!("-{}", number(-value));
    }
    let scale = match value {
        size if size >= 99.95 => 1.0,
        size if size >= 9.995 => 10.0,
        size if size >= 0.095 => 100.0,
        _ => 10_000.0,
    };
    HumanFloatCount((value * scale).round() / scale).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_in_names() {
        for (name, unit, rest) in [
            ("latency_p99_us", Unit::Micros, "latency p99"),
            ("deliveries_per_s", Unit::PerSecond, "deliveries"),
            ("cpu_us_per_message", Unit::Micros, "cpu per message"),
            (
                "pss_bytes_per_connection",
                Unit::Bytes,
                "pss per connection",
            ),
            ("busy_share", Unit::Share, "busy"),
            ("busy_cores", Unit::Cores, "busy"),
            ("open_s", Unit::Seconds, "open"),
            ("messages_sent", Unit::Count, "messages sent"),
            ("lost", Unit::Count, "lost"),
        ] {
            assert_eq!(Unit::split(name), (unit, rest.to_owned()));
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (unit, value, text) in [
            (Unit::Micros, 1_485.823, "1,486 µs"),
            (Unit::Micros, 15_485.0, "15.5 ms"),
            (Unit::Micros, 3.939, "3.94 µs"),
            (Unit::Bytes, 4_587_520.0, "4.38 MiB"),
            (Unit::Bytes, 319.0, "319 B"),
            (Unit::Share, 0.1, "10 %"),
            (Unit::PerSecond, 50_083.2, "50,083/s"),
            (Unit::Count, 200_000.0, "200,000"),
            (Unit::Count, 0.0, "0"),
            (Unit::Count, -123.0, "-123"),
            (Unit::Cores, 0.204, "0.2 CPUs"),
        ] {
            assert_eq!(unit.text(value), text);
        }
    }

    #[test]
    fn an_axis_has_one_unit() {
        assert_eq!(Unit::Micros.measure(7_500.0), (1e3, "ms"));
        assert_eq!(Unit::Count.measure(20_000.0), (1e3, "thousand"));
        assert_eq!(Unit::Share.measure(0.5), (0.01, "%"));
        assert_eq!(Unit::Bytes.measure(0.0), (1.0, "B"));
    }
}
