//! That those clients alone are connected whose token is accepted.

use crate::client::{Client, Place, Stage};
use crate::tokens::Token;
use crate::world::World;

/// Time within which a connection ends that was told to.
const END_MAX: u64 = 900;

/// Checks a world that has come to rest.
pub(super) fn check_tokens(world: &World) {
    for (at, client) in world.clients.iter().enumerate() {
        if let Some(token) = client.token {
            check_client(world, at, client, token);
        }
    }
}

fn check_client(world: &World, at: usize, client: &Client, token: Token) {
    let book = world.ledger.borrow();
    let of_user = || book.revocations.iter().filter(|it| it.user == token.user);
    let is_revoked = of_user().any(|it| token.issued < it.before);
    let is_refused = token.flaw.is_some();
    match client.stage {
        Stage::Open => {
            assert!(!is_refused, "client {at} is open with {token:?}");
            let mut ended = of_user().filter(|it| token.issued < it.before);
            let is_over = |told_at: u64| told_at + END_MAX <= world.now;
            let has_ended = ended.any(|it| it.told_at.is_some_and(is_over));
            assert!(
                !has_ended || !client.keeps_up(),
                "client {at} is open still with {token:?}"
            );
        }
        Stage::Told(401) => {
            assert!(
                is_refused || is_revoked,
                "client {at} is refused with {token:?}"
            );
        }
        // Newer tokens are ended as well.
        Stage::Told(3005) => {
            let was_told = of_user().any(|it| it.told_at.is_some());
            assert!(
                was_told && !is_refused,
                "client {at} is ended with {token:?}"
            );
        }
        _ => {
            let waits = !client.leaving && !client.half_closed && !client.stalled;
            let is_asked = client.place != Place::Tcp && waits && !world.draining;
            assert!(
                !is_refused || !is_asked,
                "client {at} is not refused with {token:?}"
            );
        }
    }
}
