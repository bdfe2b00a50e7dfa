//! The messages to and from clients, as JSON, and the check of clients' messages.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

const NAME_CHARS_MAX: usize = 24;
const TEXT_CHARS_MAX: usize = 500;

/// What a client may send.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Command {
    Join { name: String },
    Say { text: String },
    Leave,
}

/// What a client receives. Every event in a room has a number, one more than the event before it.
#[derive(Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub(crate) enum Event<'a> {
    /// The first event of every connection: the room after event `seq`. The next is `seq + 1`.
    Room {
        seq: u64,
        /// When the numbers began, in milliseconds since 1970: a room that was empty for long
        /// begins again.
        since: u64,
        people: Vec<&'a str>,
        history: &'a VecDeque<Said>,
    },
    /// To one client: it has the name.
    Welcome {
        you: &'a str,
    },
    Said(&'a Said),
    Joined {
        seq: u64,
        name: &'a str,
    },
    Left {
        seq: u64,
        name: &'a str,
    },
    /// To one client: its message had no effect.
    Error {
        text: &'a str,
    },
}

#[derive(Serialize)]
pub(crate) struct Said {
    pub(crate) seq: u64,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) from: String,
    pub(crate) text: String,
}

/// Checks a client's message as far as possible without the room. Every shard does this for its own
/// connections, while a room has one thread.
pub(crate) fn check(payload: &[u8]) -> Result<(), &'static str> {
    match serde_json::from_slice(payload) {
        Ok(Command::Join { name }) => match name.chars().count() {
            _ if name.chars().any(is_unprintable) => Err("a name has visible characters only"),
            _ if name.contains("  ") => Err("a name has one space at a time"),
            _ if name.trim() != name => Err("a name does not begin or end with a space"),
            0 => Err("say your name"),
            1..=NAME_CHARS_MAX => Ok(()),
            _ => Err("a name has at most 24 characters"),
        },
        Ok(Command::Say { text }) => match text.chars().count() {
            _ if text.chars().any(char::is_control) => Err("no control characters, please"),
            _ if text.trim().is_empty() => Err("say something"),
            0..=TEXT_CHARS_MAX => Ok(()),
            _ => Err("a message has at most 500 characters"),
        },
        Ok(Command::Leave) => Ok(()),
        Err(_) => {
            Err(r#"expected {"do":"join","name":…}, {"do":"say","text":…} or {"do":"leave"}"#)
        }
    }
}

/// Whether a name with this character could look like another: it is invisible, or changes the
/// direction of the text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
        )
        || matches!(c, '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "texts and numbers always are JSON")]
    let bytes = serde_json::to_vec(value).expect("texts and numbers");
    bytes
}
