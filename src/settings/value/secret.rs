//! A text that is never shown.

use std::fmt;

/// A text that is never shown, not even in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub(in crate::settings) String);

impl Secret {
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one word that an HTTP header field can carry.
    pub(in crate::settings) fn is_word(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
