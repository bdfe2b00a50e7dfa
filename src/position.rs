//! The place of a message in its topic: which order it belongs to, and where it stands there.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// One order of a topic's messages, from its first message or reader until its home forgets it. A
/// topic whose order was lost has another epoch, so that no position of before is taken for one of
/// after. As text it has [`EPOCH_LEN`] letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(NonZeroU64);

/// The length of an epoch as text.
pub const EPOCH_LEN: usize = 8;
/// The length of a position as text, at most.
pub const POSITION_LEN_MAX: usize = EPOCH_LEN + 1 + 20;

/// What an epoch is written with, five bits each (RFC 4648 section 6, in lower case).
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The place of a message: the first of an epoch has the offset 1, each next one more. The offset 0
/// is before the first. As text it is `EPOCH:OFFSET`, such as `mzxw6ytb:42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The order that it stands in.
    pub epoch: Epoch,
    /// Where.
    pub offset: u64,
}

/// This is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is EPOCH:OFFSET, with an epoch of {EPOCH_LEN} characters of a-z and 2-7")]
pub struct PositionError;

impl Epoch {
    /// One of the lowest bits of a random number.
    pub(crate) fn new(random: u64) -> Self {
        let bits = random & ((1 << (5 * EPOCH_LEN)) - 1);
        Self(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }

    pub(crate) fn letters(self) -> [u8; EPOCH_LEN] {
        let bytes = self.0.get().to_le_bytes();
        std::array::from_fn(|at| {
            let bit = 5 * at;
            let two = u16::from_le_bytes([bytes[bit / 8], bytes[bit / 8 + 1]]);
            LETTERS[usize::from(two >> (bit % 8)) % LETTERS.len()]
        })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.letters()
            .iter()
            .try_for_each(|letter| fmt::Write::write_char(f, char::from(*letter)))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        if text.len() != EPOCH_LEN {
            return Err(PositionError);
        }
        let mut bits = 0;
        for (at, letter) in text.bytes().enumerate() {
            let value = LETTERS.iter().position(|known| *known == letter);
            bits |= (value.ok_or(PositionError)? as u64) << (5 * at);
        }
        NonZeroU64::new(bits).map(Self).ok_or(PositionError)
    }
}

impl Position {
    /// One whose text is as long as any.
    pub(crate) const LONGEST: Self = Self {
        epoch: Epoch(NonZeroU64::MIN),
        offset: u64::MAX,
    };

    /// Appends it as text.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.epoch.letters());
        out.push(b':');
        out.extend_from_slice(digits(self.offset, &mut [0; 20]));
    }

    /// The length of it as text.
    pub(crate) fn text_len(self) -> usize {
        let digits = self.offset.checked_ilog10().unwrap_or(0) as usize + 1;
        EPOCH_LEN + 1 + digits
    }
}

/// A number in decimal digits.
pub(crate) fn digits(value: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    let mut rest = value;
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &buffer[at..];
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, offset) = text.split_once(':').ok_or(PositionError)?;
        // A position has one text: no sign, and no zeros in front.
        let has_zeros = offset.len() != 1 && offset.starts_with('0');
        if has_zeros || !offset.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PositionError);
        }
        let offset = offset.parse().map_err(|_| PositionError)?;
        let epoch = epoch.parse()?;
        Ok(Self { epoch, offset })
    }
}

/// What a new subscriber of a topic with history gets first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// What the topic's settings say.
    #[default]
    Default,
    /// What was published after this; a gap is told if that is not all there.
    Position(Position),
    /// The same after this offset, whatever the epoch.
    Offset(u64),
    /// A position of which no epoch of this server can be: a gap is told.
    Foreign,
    /// So many of the newest messages, as far as they are there.
    Last(u32),
}

impl Since {
    /// That of a client's last position, as it was sent.
    pub fn position(text: &str) -> Self {
        text.parse().map_or(Self::Foreign, Self::Position)
    }

    /// That of a client's last position, as the structured protocol has it: without an epoch, in
    /// any.
    pub(crate) fn after(epoch: &str, offset: u64) -> Self {
        if epoch.is_empty() {
            return Self::Offset(offset);
        }
        let position = |epoch| Self::Position(Position { epoch, offset });
        epoch.parse().map_or(Self::Foreign, position)
    }

    /// Whether it is that of a client that has been there: it is told what is missing.
    pub(crate) fn is_return(self) -> bool {
        matches!(self, Self::Position(_) | Self::Offset(_) | Self::Foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        for offset in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            for random in [0, 1, 31, 32, 0x0123_4567_89ab_cdef, u64::MAX] {
                let epoch = Epoch::new(random);
                let position = Position { epoch, offset };
                let text = position.to_string();
                assert_eq!(text.parse(), Ok(position));
                let mut encoded = Vec::new();
                position.encode(&mut encoded);
                assert_eq!(encoded, text.as_bytes());
                assert_eq!(position.text_len(), text.len());
                assert!(text.len() <= POSITION_LEN_MAX);
            }
        }
    }

    #[test]
    fn what_is_no_position_is_foreign() {
        let wrong = [
            "",
            ":",
            "mzxw6ytb",
            "mzxw6ytb:",
            ":1",
            "mzxw6yt:1",
            "mzxw6ytbb:1",
            "MZXW6YTB:1",
            "mzxw6yt1:1",
            "mzxw6ytb:-1",
            "mzxw6ytb:+1",
            "mzxw6ytb:01",
            "mzxw6ytb:00",
            "mzxw6ytb:1 ",
            "mzxw6ytb:18446744073709551616",
            "aaaaaaaa:1",
            "ä:1",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
            assert_eq!(Since::position(text), Since::Foreign);
        }
    }
}
