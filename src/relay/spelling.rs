//! Suggests known names for misspelled ones.

use strsim::osa_distance;

/// The known name that is most similar to an unknown one, if any is similar.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let distances = known
        .into_iter()
        .map(|other| (osa_distance(name, other), other));
    let near = distances.filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
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
    fn letters_that_changed_places_are_one_slip() {
        assert_eq!(nearest("pign", ["ping"]), Some("ping"));
        assert_eq!(nearest("pnig", ["ping"]), Some("ping"));
        assert_eq!(nearest("gnip", ["ping"]), None);
    }
}
