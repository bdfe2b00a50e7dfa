//! How far back compressed bytes may refer.

/// How far back compressed bytes may refer: `2^bits` bytes; RFC 7692 7.1.2 allows 8 to 15 bits. The
/// compressor has no window of 8 bits, so with 8 only messages of at most 256 bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say the bits")]
pub enum Window {
    Bits8 = 8,
    Bits9,
    Bits10,
    Bits11,
    Bits12,
    Bits13,
    Bits14,
    Bits15,
}

impl Window {
    /// The smallest window that the compressor supports.
    pub const LEAST_KEPT: Self = Self::Bits9;
    /// The largest window, which both sides use by default.
    pub const LARGEST: Self = Self::Bits15;
    /// Every window, the smallest first.
    pub const ALL: [Self; 8] = [
        Self::Bits8,
        Self::Bits9,
        Self::Bits10,
        Self::Bits11,
        Self::Bits12,
        Self::Bits13,
        Self::Bits14,
        Self::Bits15,
    ];

    /// Reads the value of a parameter, RFC 7692 7.1.2.1: "a decimal integer value without
    /// leading zeroes between 8 to 15 inclusive".
    pub fn parse(value: &str) -> Option<Self> {
        let is_value = |window: &Self| window.bits().to_string() == value;
        Self::ALL.into_iter().find(is_value)
    }

    /// Its size as a power of two.
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Its size in bytes.
    pub const fn size(self) -> usize {
        1 << self.bits()
    }

    /// The window with which messages are compressed for a connection with this window: the largest
    /// of three that is not larger. A smaller window can be read with every larger one (RFC 7692
    /// 7.1.2.1), so a message is compressed at most three times, whatever clients ask for.
    pub const fn shared(self) -> Self {
        match self {
            Self::Bits8 => Self::Bits8,
            Self::Bits9 | Self::Bits10 | Self::Bits11 => Self::Bits9,
            Self::Bits12 | Self::Bits13 | Self::Bits14 => Self::Bits12,
            Self::Bits15 => Self::Bits15,
        }
    }

    /// The window to compress `len` bytes with, for a connection with this window, if there is one.
    ///
    /// A message that is not longer than the window cannot refer beyond it, whatever the window of
    /// the compressor is. So short messages have the same bytes for every window.
    pub fn to_compress(self, len: usize) -> Option<Self> {
        if len <= self.size() {
            Some(Self::LARGEST)
        } else if self < Self::LEAST_KEPT {
            None
        } else {
            Some(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn a_value_is_a_number_from_8_to_15_without_leading_zeroes() {
        let read = |value: &str| Window::parse(value).map(Window::bits);
        for bits in 8..=15 {
            assert_eq!(read(&bits.to_string()), Some(bits));
        }
        for value in [
            "",
            "0",
            "7",
            "16",
            "08",
            "015",
            "+9",
            "-9",
            "9.0",
            "1e1",
            "0x9",
            "265",
            "99999999999",
            "٩",
        ] {
            assert_eq!(read(value), None, "{value:?}");
        }
    }

    #[test]
    fn windows_that_are_granted_share_three_that_are_not_larger() {
        let shared: Vec<u8> = Window::ALL.iter().map(|own| own.shared().bits()).collect();
        assert_eq!(shared, [8, 9, 9, 9, 12, 12, 12, 15]);
    }

    #[test]
    fn what_fits_into_the_window_is_compressed_with_the_largest() {
        let to = |bits, len| {
            let window = Window::parse(&format!("{bits}")).unwrap();
            window.to_compress(len).map(Window::bits)
        };
        for bits in 8..=15 {
            assert_eq!(to(bits, 0), Some(15));
            assert_eq!(to(bits, 1 << bits), Some(15));
        }
        for bits in 9..=15 {
            assert_eq!(to(bits, (1 << bits) + 1), Some(bits));
        }
        assert_eq!(to(8, 257), None);
    }
}
