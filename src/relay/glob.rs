//! Patterns of the names of topics, as `/api/channels` takes them: `*` is any characters, `?` is
//! one.

/// Whether a name matches.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut here) = (0, 0);
    // Where the last `*` is, and what it stands for ends.
    let mut star: Option<(usize, usize)> = None;
    while here < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[here] => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((star_at, end)) = star else {
                    return false;
                };
                star = Some((star_at, end + 1));
                (at, here) = (star_at + 1, end + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_characters_and_a_question_mark_is_one() {
        for (pattern, yes, no) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "a:b/ü"], &[]),
            ("a?c", &["abc", "aüc"], &["ac", "abbc"]),
            (
                "room:*",
                &["room:", "room:1", "room:*"],
                &["room", "a:room:1"],
            ),
            ("*:1", &[":1", "a:1", "a:1:1"], &["a:11", "1"]),
            ("a*b*c", &["abc", "aXbXbXc", "abbc"], &["ac", "abcX", "acb"]),
            ("**?", &["a", "ab"], &[""]),
        ] {
            for name in yes {
                assert!(matches(pattern, name), "{pattern} {name}");
            }
            for name in no {
                assert!(!matches(pattern, name), "{pattern} {name}");
            }
        }
    }
}
