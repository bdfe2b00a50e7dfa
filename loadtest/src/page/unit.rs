//! Units: found at the end of a name, written for people.

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

/// How the numbers of one axis are written: divided, and with one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measure {
    /// Numbers are divided by this.
    pub(crate) divisor: f64,
    /// Stands at the axis; empty for counts.
    pub(crate) label: &'static str,
}

/// Words of a name that are units, and what else they may stand for.
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
        let (head, per) = match name.split_once("_per_") {
            Some((head, per)) => (head, Some(per)),
            None => (name, None),
        };
        let (rest, word) = head.rsplit_once('_').unwrap_or(("", head));
        let Some((_, unit)) = WORDS.iter().find(|(unit, _)| *unit == word) else {
            return (Self::Count, spaced(name));
        };
        let rest = if rest.is_empty() { word } else { rest };
        let per = per.map(|per| format!(" per {}", spaced(per)));
        (
            *unit,
            format!("{}{}", spaced(rest), per.unwrap_or_default()),
        )
    }

    /// One unit for numbers up to `max`.
    pub(crate) fn measure(self, max: f64) -> Measure {
        let steps: &[(f64, &'static str)] = match self {
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
        let (divisor, label) = found.copied().unwrap_or((1.0, ""));
        // A thousand is the unit from ten thousand on.
        let divisor = if label == "thousand" { 1e3 } else { divisor };
        Measure { divisor, label }
    }

    /// A number with its unit, as `1.49 ms`.
    pub(crate) fn text(self, value: f64) -> String {
        if self == Self::Count {
            return count(value);
        }
        if self == Self::PerSecond {
            return format!("{}/s", count(value));
        }
        let Measure { divisor, label } = self.measure(value);
        let number = number(value / divisor);
        format!("{number} {label}")
    }
}

/// Three digits that count, and none that do not.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.095 || size == 0.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        grouped(&text)
    }
}

/// A count: whole numbers are written out.
fn count(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        grouped(&format!("{value:.0}"))
    } else {
        number(value)
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
            (Unit::Cores, 0.204, "0.2 CPUs"),
        ] {
            assert_eq!(unit.text(value), text);
        }
    }

    #[test]
    fn an_axis_has_one_unit() {
        assert_eq!(Unit::Micros.measure(7_500.0).label, "ms");
        assert_eq!(
            Unit::Count.measure(20_000.0),
            Measure {
                divisor: 1e3,
                label: "thousand"
            }
        );
        assert_eq!(
            Unit::Share.measure(0.5),
            Measure {
                divisor: 0.01,
                label: "%"
            }
        );
        assert_eq!(Unit::Bytes.measure(0.0).label, "B");
    }
}
