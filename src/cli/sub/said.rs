//! What a protocol makes of what the server says.

use crate::cli::Failure;
use crate::cli::sub::line::Received;

/// What is to be done about something that a server has said.
#[derive(Debug)]
pub(super) enum Said {
    /// All subscriptions are live.
    Ready,
    /// Print it.
    Message(Received),
    /// Tell the user.
    Note(String),
    /// Send this command.
    Send(Vec<u8>),
    /// End the connection, and come back after a while.
    Leave(String),
    /// The command ends.
    End(Failure),
}
