//! Revocations as users write them: `"ann 2026-11-30T12:00:00Z"`.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::settings::value::list::List;

/// Users, each with the time before which its tokens were issued, in seconds since the beginning of
/// 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevokedUsers(pub Vec<(String, u64)>);

impl RevokedUsers {
    /// The latest time of each user: of two entries, neither permits what the other refuses.
    pub fn latest(&self) -> HashMap<String, u64> {
        let mut latest = HashMap::new();
        for (user, time) in &self.0 {
            let known = latest.entry(user.clone()).or_insert(*time);
            *known = (*known).max(*time);
        }
        latest
    }
}

impl List for RevokedUsers {
    fn texts(&self) -> Vec<String> {
        let show = |(user, time): &(String, u64)| format!("{user} {}", show_time(*time));
        self.0.iter().map(show).collect()
    }

    fn take(&mut self, texts: &[&str]) -> Result<(), String> {
        if REVOKED_MAX < texts.len() {
            return Err(format!("has more than {REVOKED_MAX} entries"));
        }
        self.0 = texts
            .iter()
            .map(|text| parse(text))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    fn what(&self) -> &'static str {
        "users with times (RFC 3339)"
    }

    fn example(&self) -> &'static [&'static str] {
        &["ann 2026-11-30T12:00:00Z"]
    }
}

/// The user is all before the last space. A part of a second counts as a whole one: a token that
/// was issued in that second is refused.
fn parse(text: &str) -> Result<(String, u64), String> {
    let (user, time) = text.trim().rsplit_once(' ').unwrap_or((text, ""));
    let user = user.trim_end();
    let time = time.parse::<Timestamp>().ok();
    let secs = time.and_then(|time| {
        let part = u64::from(0 < time.subsec_nanosecond());
        Some(u64::try_from(time.as_second()).ok()? + part)
    });
    match secs {
        Some(secs) if !user.is_empty() => Ok((user.to_owned(), secs)),
        _ => Err(format!("`{text}` is not a user and a time with its zone")),
    }
}

fn show_time(secs: u64) -> String {
    let secs = i64::try_from(secs).unwrap_or(i64::MAX);
    Timestamp::from_second(secs).map_or_else(|_| secs.to_string(), |time| time.to_string())
}

/// More are for a key that is taken out of use.
const REVOKED_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_a_time_is_written_as_it_is_read() {
        let mut users = RevokedUsers::default();
        let texts = [
            "ann 2026-11-30T12:00:00Z",
            "bob the builder 1970-01-01T00:00:01Z",
        ];
        users.take(&texts).unwrap();
        assert_eq!(users.0[0], ("ann".to_owned(), 1_796_040_000));
        assert_eq!(users.0[1], ("bob the builder".to_owned(), 1));
        assert_eq!(users.texts(), texts);
        users.take(&["ann 2026-11-30T14:00:00+02:00"]).unwrap();
        assert_eq!(users.texts(), [texts[0]]);
    }

    #[test]
    fn of_two_entries_of_a_user_the_later_time_counts() {
        for order in [["12", "13"], ["13", "12"]] {
            let texts = order.map(|hour| format!("ann 2026-11-30T{hour}:00:00Z"));
            let mut users = RevokedUsers::default();
            users.take(&texts.each_ref().map(String::as_str)).unwrap();
            let latest = HashMap::from([("ann".to_owned(), 1_796_043_600)]);
            assert_eq!(users.latest(), latest, "{order:?}");
        }
    }

    #[test]
    fn a_token_of_the_second_in_which_its_user_was_revoked_is_refused() {
        for (part, secs) in [
            ("", 1_796_040_000),
            (".0", 1_796_040_000),
            (".9", 1_796_040_001),
            (".000000001", 1_796_040_001),
        ] {
            let text = format!("ann 2026-11-30T12:00:00{part}Z");
            let mut users = RevokedUsers::default();
            users.take(&[&text]).unwrap();
            assert_eq!(users.0[0].1, secs, "{text}");
        }
    }

    #[test]
    fn what_has_no_user_or_no_moment_is_named() {
        for bad in [
            "",
            "ann",
            "2026-11-30T12:00:00Z",
            "ann 2026-11-30",
            "ann 2026-11-30T12:00:00",
            "ann 1960-01-01T00:00:00Z",
            "ann 1796040000",
        ] {
            let fault = RevokedUsers::default().take(&[bad]).unwrap_err();
            assert!(fault.contains(&format!("`{bad}`")), "{fault}");
        }
    }
}
