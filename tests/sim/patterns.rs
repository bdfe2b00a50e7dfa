//! Worlds in which clients subscribe to patterns.

use corecast::internals::Rng;

use crate::profile::Profile;

/// Gives a world clients that do so, beside others.
pub(crate) fn give(profile: &mut Profile, rng: &mut Rng) {
    profile.patterns = true;
    profile.topics = 2 + rng.below(5);
    profile.clients += 8;
    profile.many_one_in = 3;
    profile.command_one_in = 3;
    profile.slow_one_in = [0, 4][rng.below(2)];
    profile.lane_messages = [1, 2, 100][rng.below(3)];
    profile.drains_early = rng.below(4) == 0;
}
