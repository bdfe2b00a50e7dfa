//! Where a subscriber begins.

use crate::position::Position;

/// What a subscriber gets before what is published from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Since {
    /// All that the topic's history keeps.
    Earliest,
    /// So many of its newest messages.
    Last(u32),
    /// What follows this position.
    Position(Position),
}

/// The value of the flag.
pub(super) fn parse(text: &str) -> Result<Since, String> {
    if text == "earliest" {
        return Ok(Since::Earliest);
    }
    if let Some(count) = text.strip_prefix("last=") {
        let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = is_number.then(|| count.parse().ok()).flatten();
        return count
            .map(Since::Last)
            .ok_or_else(|| "write a whole number, as in last=10".to_owned());
    }
    let position = text.parse().map(Since::Position);
    position.map_err(|err| format!("write earliest, last=N or a position; {err}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_begin_is_one_of_three() {
        assert_eq!(parse("earliest"), Ok(Since::Earliest));
        assert_eq!(parse("last=7"), Ok(Since::Last(7)));
        let position = "mzxw6ytb:42".parse().unwrap();
        assert_eq!(parse("mzxw6ytb:42"), Ok(Since::Position(position)));
        for wrong in [
            "",
            "last",
            "last=",
            "last=+1",
            "42",
            "42@mzxw6ytb",
            "latest",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
