//! Values that are whole numbers of any width.

use core::ops::RangeInclusive;

use crate::shard::MODE_MAX;

/// A value that is a whole number, or none.
pub(in crate::settings) trait Number {
    /// The number, if there is one.
    fn number(&self) -> Option<usize>;

    /// Sets the number, or no number, if that is allowed.
    fn set(&mut self, number: Option<usize>) -> Option<()>;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn number(&self) -> Option<usize> {
                usize::try_from(*self).ok()
            }

            fn set(&mut self, number: Option<usize>) -> Option<()> {
                *self = number?.try_into().ok()?;
                Some(())
            }
        }
    )*};
}

number!(u8, u32, usize);

impl Number for Option<usize> {
    fn number(&self) -> Option<usize> {
        *self
    }

    fn set(&mut self, number: Option<usize>) -> Option<()> {
        *self = number;
        Some(())
    }
}

impl Number for Option<u32> {
    fn number(&self) -> Option<usize> {
        self.and_then(|number| number.try_into().ok())
    }

    fn set(&mut self, number: Option<usize>) -> Option<()> {
        *self = number.map(u32::try_from).transpose().ok()?;
        Some(())
    }
}

/// A range of numbers in words.
pub(in crate::settings) fn show_range(range: &RangeInclusive<usize>) -> String {
    match *range.end() {
        usize::MAX => format!("a number of at least {}", range.start()),
        end => format!("a number from {} to {end}", range.start()),
    }
}

/// An octal number with permission bits only.
pub(in crate::settings) fn parse_mode(text: &str) -> Option<u32> {
    let digits = text.trim();
    let is_octal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok();
    mode.filter(|mode| is_octal && *mode <= MODE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let mut level = 1_u8;
        assert_eq!(level.set(Some(256)), None);
        assert_eq!(level.set(None), None);
        assert_eq!(level.number(), Some(1));
        assert_eq!(level.set(Some(255)), Some(()));
        assert_eq!(level.number(), Some(255));
        let mut connections = Some(1_u32);
        assert_eq!(connections.set(Some(1 << 32)), None);
        assert_eq!(connections.number(), Some(1));
        let mut shards = Some(1_usize);
        assert_eq!(shards.set(None), Some(()));
        assert_eq!(shards.number(), None);
    }
}
