//! The kind of a payload, as its publisher has set it: text or binary.

/// The kind of a payload. A WebSocket opcode sets it, or a listener fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Valid UTF-8.
    Text,
    /// Any bytes.
    Binary,
}
