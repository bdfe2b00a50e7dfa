//! Numbers as short texts.

/// A count, or a rate.
pub(super) fn count(number: f64) -> String {
    let units = [(1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")];
    let unit = units.iter().find(|(from, ..)| *from <= number);
    match unit {
        Some((_, size, word)) => format!("{} {word}", short(number / size)),
        None if 0.0 < number && number < 10.0 && number.fract() != 0.0 => format!("{number:.1}"),
        None => format!("{number:.0}"),
    }
}

pub(super) fn bytes(number: f64) -> String {
    let units = [
        (1024_f64.powi(4), "TiB"),
        (1024_f64.powi(3), "GiB"),
        (1024_f64.powi(2), "MiB"),
        (1024.0, "KiB"),
    ];
    match units.iter().find(|(size, _)| *size <= number) {
        Some((size, word)) => format!("{} {word}", short(number / size)),
        None => format!("{number:.0} B"),
    }
}

/// A time in seconds.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{} ms", tenths(s * 1e3)),
        s if s < 120.0 => format!("{} s", tenths(s)),
        s if s < 7_200.0 => format!("{:.0} min", (s / 60.0).floor()),
        s if s < 172_800.0 => format!("{:.0} h", (s / 3_600.0).floor()),
        s => format!("{:.0} d", (s / 86_400.0).floor()),
    }
}

/// A part of the whole.
pub(super) fn percent(part: f64) -> String {
    if part < 0.1 {
        return format!("{:.1} %", 100.0 * part);
    }
    format!("{:.0} %", 100.0 * part)
}

fn tenths(number: f64) -> String {
    if number < 10.0 {
        return format!("{number:.1}");
    }
    format!("{number:.0}")
}

fn short(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    format!("{number:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let counts = [0.0, 0.25, 7.0, 815.4, 9_999.0, 12_345.0, 1.5e6, 2.5e11];
        let expected = ["0", "0.2", "7", "815", "9999", "12.3 k", "1.5 M", "250 G"];
        assert_eq!(counts.map(count), expected);
        let sizes = [0.0, 1_023.0, 1_536.0, 3e8, 5e13];
        assert_eq!(
            sizes.map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "286 MiB", "45.5 TiB"]
        );
        let times = [64e-6, 1e-3, 0.25, 3.0, 119.0, 300.0, 10_000.0, 3e5];
        assert_eq!(
            times.map(time),
            [
                "64 µs", "1.0 ms", "250 ms", "3.0 s", "119 s", "5 min", "2 h", "3 d"
            ]
        );
        assert_eq!([0.012, 0.5, 1.0].map(percent), ["1.2 %", "50 %", "100 %"]);
    }
}
