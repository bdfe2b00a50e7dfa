//! The value of `first`: what a new subscriber gets first.

use crate::settings::field::quote;
use crate::settings::raw_value::RawValue;

/// What a new subscriber gets first that asks for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstMessages {
    /// With keys all that is kept, and otherwise nothing.
    Auto,
    /// What is published from then on.
    Nothing,
    /// All that is kept.
    All,
    /// So many of the newest messages.
    Last(u32),
}

const AUTO: &str = "auto";
const NOTHING: &str = "nothing";
const LAST: &str = "last";
const ALL: &str = "all";

impl FirstMessages {
    /// What is allowed, in words.
    pub(in crate::settings) const EXPECTS: &str =
        "\"auto\", \"nothing\", \"last\", \"all\" or a number of at least 1";

    /// Reads a word or a number.
    pub(in crate::settings) fn read(given: &RawValue<'_>) -> Option<Self> {
        if let Some(number) = given.number() {
            return Self::of(number);
        }
        match given.text()?.trim() {
            AUTO => Some(Self::Auto),
            NOTHING => Some(Self::Nothing),
            LAST => Some(Self::Last(1)),
            ALL => Some(Self::All),
            _ => None,
        }
    }

    fn of(number: usize) -> Option<Self> {
        let count = u32::try_from(number).ok()?;
        (0 < count).then_some(Self::Last(count))
    }

    /// The word or the number as TOML.
    pub(in crate::settings) fn show(self) -> String {
        match self {
            Self::Auto => quote(AUTO),
            Self::Nothing => quote(NOTHING),
            Self::Last(1) => quote(LAST),
            Self::All => quote(ALL),
            Self::Last(count) => count.to_string(),
        }
    }
}
