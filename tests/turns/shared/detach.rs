//! Topics that nothing wants any more.

use corecast::shard::mail::Outward;

use crate::shared::{LINGER, Scene};

#[test]
fn a_topic_that_nothing_wants_is_detached_after_a_while() {
    let mut scene = Scene::new(false);
    let id = scene.subscribe();
    let (first, _) = scene.take_attach();
    scene.attached(first, None);
    scene.shard.core.handle_reset(id);
    scene.shard.wait(LINGER);
    assert!(scene.take_outward().is_empty());
    // It is wanted again before the backplane is told.
    let id = scene.subscribe();
    assert!(scene.has_greeting(id));
    scene.shard.core.handle_reset(id);
    scene.shard.wait(2 * LINGER);
    scene.shard.wait(2 * LINGER);
    match &scene.take_outward()[..] {
        [Outward::Detach { ticket, .. }] => assert_eq!(*ticket, first),
        other => panic!("not detached: {other:?}"),
    }
    let id = scene.subscribe();
    let (second, _) = scene.take_attach();
    assert_ne!(first, second);
    let late = scene.arrival(first, None, "late");
    assert!(scene.give(late).is_none());
    scene.attached(first, None);
    assert!(!scene.has_greeting(id));
    scene.attached(second, None);
    assert!(scene.has_greeting(id));
    assert!(scene.texts(id).is_empty());
}
