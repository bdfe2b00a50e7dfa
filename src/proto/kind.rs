//! What a payload is, as its publisher said: text or binary.

/// The kind of a payload. A WebSocket opcode says it, a listener may fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Valid UTF-8.
    Text,
    /// Any bytes.
    Binary,
}
