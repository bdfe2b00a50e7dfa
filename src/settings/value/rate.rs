//! Rates as users write them: `"100/s"`, `"64KiB/s, 1MiB at once"`.

use core::num::NonZeroU32;

use crate::settings::value::units::{parse_size, show_size};
use crate::time::Rate;

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::settings) enum Per {
    /// Items.
    Count,
    /// Bytes, as sizes.
    Size,
}

impl Per {
    /// Reads a rate. Without a burst, the burst is the amount of one second.
    pub(in crate::settings) fn parse(self, text: &str) -> Option<Rate> {
        let (per_second, rest) = text.split_once("/s")?;
        let per_second = self.number(per_second)?;
        let burst = match rest.trim() {
            "" => per_second,
            rest => self.number(rest.strip_prefix(',')?.strip_suffix("at once")?)?,
        };
        Some(Rate { per_second, burst })
    }

    fn number(self, text: &str) -> Option<NonZeroU32> {
        let number = match self {
            Self::Count => text.trim().parse().ok()?,
            Self::Size => parse_size(text)?.try_into().ok()?,
        };
        NonZeroU32::new(number)
    }

    /// Writes a rate.
    pub(in crate::settings) fn show(self, rate: Rate) -> String {
        let show = |number: NonZeroU32| match self {
            Self::Count => number.to_string(),
            Self::Size => show_size(number.get() as usize),
        };
        let per_second = show(rate.per_second);
        if rate.burst == rate.per_second {
            format!("{per_second}/s")
        } else {
            format!("{per_second}/s, {} at once", show(rate.burst))
        }
    }

    /// Two valid examples.
    pub(in crate::settings) fn examples(self) -> [&'static str; 2] {
        match self {
            Self::Count => ["100/s", "100/s, 500 at once"],
            Self::Size => ["64KiB/s", "64KiB/s, 1MiB at once"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_rate_reads_back() {
        for per in [Per::Count, Per::Size] {
            for text in per.examples() {
                assert_eq!(per.show(per.parse(text).unwrap()), text);
            }
        }
        let rate = Per::Count.parse(" 3 /s,7at once").unwrap();
        assert_eq!((rate.per_second.get(), rate.burst.get()), (3, 7));
        assert_eq!(Per::Size.parse("1000/s").unwrap().burst.get(), 1000);
    }

    #[test]
    fn an_invalid_rate_is_refused() {
        for text in [
            "",
            "/s",
            "100",
            "0/s",
            "-1/s",
            "100/m",
            "100/s 500",
            "100/s, 500",
            "100/s, 0 at once",
            "100/s at once",
            "5000000000/s",
        ] {
            assert_eq!(Per::Count.parse(text), None, "{text}");
            assert_eq!(Per::Size.parse(text), None, "{text}");
        }
        assert_eq!(Per::Count.parse("1KiB/s"), None);
        assert_eq!(Per::Size.parse("4GiB/s"), None);
    }
}
