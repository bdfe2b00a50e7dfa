//! A text that is shown to nobody.

use std::fmt;

/// A text that is shown to nobody, nor where it is printed for debugging.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub(in crate::settings) String);

impl Secret {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of it can stand in a field of a request, as one word.
    pub(in crate::settings) fn is_word(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
