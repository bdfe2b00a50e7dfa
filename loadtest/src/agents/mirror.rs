//! What a leader looks at in the place of its own crews: kept true by its links.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::agents::wire::{Counts, CrewCounts};
use crate::client::control::{Control, load};
use crate::clock::now_ns;
use crate::pubsub::progress::Progress;

/// What a leader and its links share: the controls and the progress of all agents.
#[derive(Clone)]
pub(super) struct Mirror {
    pub(super) subscribers: Arc<Control>,
    /// The same where subscribers publish.
    pub(super) publishers: Arc<Control>,
    pub(super) progress: Arc<Progress>,
}

impl Mirror {
    /// Adds what has come since the counts before.
    pub(super) fn add(&self, before: &Counts, now: &Counts) {
        add(&self.subscribers, before.subscribers, now.subscribers);
        if !Arc::ptr_eq(&self.subscribers, &self.publishers) {
            add(&self.publishers, before.publishers, now.publishers);
        }
        let warmed = now.warmed.saturating_sub(before.warmed);
        self.progress.warmed.fetch_add(warmed, Ordering::AcqRel);
        let delivered = now.delivered.saturating_sub(before.delivered);
        if delivered > 0 {
            self.progress.tell(delivered);
        }
    }
}

fn add(to: &Control, before: CrewCounts, now: CrewCounts) {
    let live = now.live.saturating_sub(before.live);
    for (counter, before, now) in [
        (&to.live, before.live, now.live),
        (&to.opened, before.live, now.live),
        (&to.gave_up, before.gave_up, now.gave_up),
        (&to.ended, before.ended, now.ended),
        (&to.retries, before.retries, now.retries),
    ] {
        counter.fetch_add(now.saturating_sub(before), Ordering::AcqRel);
    }
    if live > 0 {
        to.last_live_ns.fetch_max(now_ns(), Ordering::Relaxed);
    }
}

impl CrewCounts {
    pub(crate) fn of(control: &Control) -> Self {
        Self {
            live: load(&control.opened),
            gave_up: load(&control.gave_up),
            ended: load(&control.ended),
            retries: load(&control.retries),
        }
    }
}
