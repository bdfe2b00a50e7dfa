//! Sizes and times as users write them: `"1MiB"`, `"30s"`.

use std::time::Duration;

/// Units of sizes, in bytes, the largest first.
const SIZES: &[(&str, usize)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// Units of times, in milliseconds, the largest first.
const TIMES: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a size; a number without a unit is bytes.
pub(in crate::settings) fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let factor = if unit.is_empty() {
        Some(1)
    } else {
        factor_of(SIZES, unit)
    };
    usize::try_from(number).ok()?.checked_mul(factor?)
}

/// Writes a size in the largest unit that makes it a whole number.
pub(in crate::settings) fn show_size(bytes: usize) -> String {
    let fits = |(_, factor): &&(&str, usize)| 0 < bytes && bytes.is_multiple_of(*factor);
    let (unit, factor) = SIZES.iter().find(fits).unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// Reads a time; it must have a unit.
pub(crate) fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let millis = number.checked_mul(factor_of(TIMES, unit)?)?;
    Some(Duration::from_millis(millis))
}

/// Writes a time in the largest unit that makes it a whole number, at least milliseconds.
pub(in crate::settings) fn show_time(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let fits = |(_, factor): &&(&str, u64)| 0 < millis && millis.is_multiple_of(*factor);
    let (unit, factor) = TIMES.iter().find(fits).unwrap_or(&("s", 1_000));
    format!("{}{unit}", millis / factor)
}

/// Splits a text into a whole number and its unit, with or without a space between.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    Some((number.parse().ok()?, unit.trim_start()))
}

fn factor_of<N: Copy>(units: &[(&str, N)], unit: &str) -> Option<N> {
    let known = units.iter().find(|(name, _)| *name == unit);
    known.map(|(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_or_are_bytes() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("4KiB", 4 << 10),
            (" 4 KiB ", 4 << 10),
            ("1MiB", 1 << 20),
            ("3GiB", 3 << 30),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text:?}");
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes), "{text:?}");
        }
        for bad in [
            "",
            "MiB",
            "-1",
            "1.5MiB",
            "1MB",
            "1mib",
            "1 2",
            "99999999999GiB",
        ] {
            assert_eq!(parse_size(bad), None, "{bad:?}");
        }
        assert_eq!(show_size(1 << 20), "1MiB");
        assert_eq!(show_size((1 << 20) + 1), "1048577B");
    }

    #[test]
    fn times_have_units() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("30s", 30_000),
            ("90s", 90_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            let time = Duration::from_millis(millis);
            assert_eq!(parse_time(text), Some(time), "{text:?}");
            assert_eq!(show_time(time), text);
        }
        for bad in [
            "",
            "30",
            "s",
            "30sec",
            "1.5s",
            "-1s",
            "99999999999999999999h",
        ] {
            assert_eq!(parse_time(bad), None, "{bad:?}");
        }
    }
}
