//! What is to be done with the connections of a user: to the user's home, and from there to the
//! shards that have some.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::handler::{ConnectionInfo, Disconnect, Reply, Selection, UserError};
use crate::id::{ConnId, ShardId};
use crate::limits::USER_BYTES_MAX;
use crate::payload::Payload;
use crate::shard::mail::Weigh;
use crate::user::UserHash;

/// What is to be done with connections of a user: to the user's home.
#[derive(Clone, Debug)]
pub struct UserCommand {
    pub(crate) user: Arc<str>,
    pub(crate) which: Selection,
    pub(crate) act: UserAct,
}

/// What is to be done with connections of a user: from the user's home to a shard that has some.
#[derive(Clone, Debug)]
pub struct UserOrder {
    pub(crate) user: Arc<str>,
    /// Those that are left, the next one last.
    pub(crate) conns: Vec<ConnId>,
    pub(crate) act: UserAct,
}

/// What is to be done with a connection of a user.
#[derive(Clone, Debug)]
pub(crate) enum UserAct {
    Disconnect(Disconnect),
    Send(Payload),
    /// It ends at that second since the beginning of 1970; 0: never.
    ExpireAt(u64),
    List(Arc<Survey>),
}

/// Collects, by shard, what shards know of the connections of a user. The last one gives the list
/// away, so no shard waits for another, and no home has to remember questions.
pub(crate) struct Survey {
    parts: Box<[OnceLock<Vec<ConnectionInfo>>]>,
    reply: Reply,
}

impl fmt::Debug for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Survey").finish_non_exhaustive()
    }
}

impl UserCommand {
    pub(crate) fn new(user: &str, mut which: Selection, act: UserAct) -> Result<Self, UserError> {
        if !(1..=USER_BYTES_MAX).contains(&user.len()) {
            return Err(UserError::Name);
        }
        if let Selection::AllBut(others) = &mut which {
            // As `Selection::has` wants them.
            others.sort_unstable();
        }
        let user = Arc::from(user);
        Ok(Self { user, which, act })
    }

    /// The user, as its home knows it.
    pub(crate) fn hash(&self) -> UserHash {
        UserHash::of(&self.user)
    }
}

impl Weigh for UserCommand {
    fn weight(&self) -> usize {
        let others = match &self.which {
            Selection::AllBut(others) => size_of_val(&others[..]),
            Selection::All | Selection::Only(_) => 0,
        };
        self.act.weight() + others
    }
}

impl Weigh for UserOrder {
    fn weight(&self) -> usize {
        self.act.weight() + size_of_val(&self.conns[..])
    }
}

impl UserAct {
    /// Lists connections, of a server with so many shards.
    pub(crate) fn list(shards: u16, reply: Reply) -> Self {
        let parts = (0..shards).map(|_| OnceLock::new()).collect();
        Self::List(Arc::new(Survey { parts, reply }))
    }

    /// Bytes of payload that it carries.
    fn weight(&self) -> usize {
        match self {
            Self::Send(payload) => payload.bytes.len(),
            Self::Disconnect(_) | Self::ExpireAt(_) | Self::List(_) => 0,
        }
    }
}

impl Survey {
    /// Takes what a shard knows; gives the list away if no other shard is still to say something.
    pub(crate) fn put(self: Arc<Self>, shard: ShardId, part: Vec<ConnectionInfo>) {
        if let Some(place) = self.parts.get(shard.index()) {
            // A shard says it once.
            let _set = place.set(part);
        }
        if let Some(survey) = Arc::into_inner(self) {
            let parts = survey.parts.into_iter();
            (survey.reply)(parts.filter_map(OnceLock::into_inner).flatten().collect());
        }
    }
}
