//! Suggests known names for misspelled ones.

/// The known name that is most similar to an unknown one, if any is similar.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let distances = known
        .into_iter()
        .map(|other| (distance(name, other), other));
    let near = distances.filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// The number of letters to insert, remove, change, or swap with their neighbour
/// (Damerau-Levenshtein distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = last[j] + usize::from(x != y);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if 0 < i && 0 < j && a[i - 1] == *y && *x == b[j - 1] {
                let swapped: usize = before_last[j - 1];
                least = least.min(swapped + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["limits.message", "limits.log", "timeouts.ping", "shards"];
        for (slip, meant) in [
            ("limits.mesage", "limits.message"),
            ("limit.message", "limits.message"),
            ("timeouts.pign", "timeouts.ping"),
            ("shard", "shards"),
            ("Shards", "shards"),
        ] {
            assert_eq!(nearest(slip, known), Some(meant), "{slip}");
        }
        for other in ["", "x", "colour", "limits.connections"] {
            assert_eq!(nearest(other, known), None, "{other}");
        }
    }

    #[test]
    fn neighbours_that_changed_places_are_one_slip() {
        assert_eq!(distance("pign", "ping"), 1);
        assert_eq!(distance("ping", "ping"), 0);
        assert_eq!(distance("", "ping"), 4);
        assert_eq!(distance("ping", ""), 4);
    }
}
