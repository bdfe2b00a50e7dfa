use super::{Membership, Subs};
use crate::id::TopicKey;
use crate::internals::Rng;

#[test]
fn subscriptions_agree_with_a_list() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut subs = Subs::default();
        let mut list: Vec<(TopicKey, u32)> = Vec::new();
        for index in 0..40 {
            let topic = TopicKey(u32::from(rng.byte() % 6));
            let known = list.iter().position(|(other, _)| *other == topic);
            match (rng.below(3), known) {
                (0, None) => {
                    subs.add(Membership::new(topic, index % 2 == 0));
                    subs.set_index(topic, index);
                    list.push((topic, index));
                    list.sort_unstable();
                }
                (1, _) => {
                    subs.remove(topic);
                    list.retain(|(other, _)| *other != topic);
                }
                (_, at) => {
                    subs.set_index(topic, index);
                    at.into_iter().for_each(|at| list[at].1 = index);
                }
            }
            let slice: Vec<_> = subs
                .as_slice()
                .iter()
                .map(|s| (s.topic, s.index()))
                .collect();
            assert_eq!(slice, list, "seed {seed}");
            let found = subs.get(topic).map(|sub| (sub.topic, sub.index()));
            let expected = list.iter().find(|(other, _)| *other == topic);
            assert_eq!(found, expected.copied(), "seed {seed}");
            assert_eq!(matches!(subs, Subs::Many(_)), 1 < list.len(), "seed {seed}");
        }
    }
}
