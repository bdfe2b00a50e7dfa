//! The counters of shared topics.

use crate::admin::metrics::Metric;

/// What has gone to the backplane and come from it.
pub(super) const BACKPLANE: &[Metric] = &[
    (
        "backplane_messages_out",
        None,
        "Messages of shared topics given to the backplane, to be ordered.",
        |c| c.outward,
    ),
    (
        "backplane_messages_in",
        None,
        "Messages of shared topics that came from the backplane in their order.",
        |c| c.inward,
    ),
];
