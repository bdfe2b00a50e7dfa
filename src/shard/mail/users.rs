//! What is to be done with the connections of a user: to the user's home, and from there to the
//! shards that have some.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::handler::{
    ConnectionInfo, Disconnect, Reply, Selection, ServerSubscription, Subscribed, UserError,
};
use crate::id::{ConnId, ShardId};
use crate::limits::{CLIENT_INFO_BYTES_MAX, MESSAGE_BYTES_CEILING, USER_BYTES_MAX};
use crate::payload::Payload;
use crate::proto::http::is_topic_name;
use crate::shard::mail::Weigh;
use crate::topic::Topic;
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
    Refresh(Refresh),
    Subscribe(Arc<ServerSubscription>),
    Unsubscribe(Topic),
    List(Arc<Survey>),
}

/// What is new of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Refresh {
    /// It ends at that second since the beginning of 1970; 0: never.
    pub(crate) expire_at: u64,
    /// What others are told of its client, if that is new.
    pub(crate) info: Option<Arc<[u8]>>,
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
        let is_of_one = matches!(which, Selection::Only(_));
        let len_min = usize::from(!is_of_one);
        if !(len_min..=USER_BYTES_MAX).contains(&user.len()) {
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

    /// The shard that passes it on: the home of the user, or that of a connection without one, of
    /// which no home knows.
    pub(crate) fn home(&self, shards: u16) -> ShardId {
        match self.which {
            Selection::Only(only) if self.user.is_empty() && only.shard.get() < shards => {
                only.shard
            }
            _ => self.hash().home(shards),
        }
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

    /// Subscribes their clients.
    pub(crate) fn subscribe(subscription: ServerSubscription) -> Result<Self, UserError> {
        let Subscribed { data, info, .. } = &subscription.subscribed;
        check_info(info)?;
        if MESSAGE_BYTES_CEILING < data.len() {
            return Err(UserError::Message);
        }
        if !is_topic_name(&subscription.channel) {
            return Err(UserError::Topic);
        }
        Ok(Self::Subscribe(Arc::new(subscription)))
    }

    /// Sets when they end, and what others are told of their clients, if that is new.
    pub(crate) fn refresh(expire_at: u64, info: Option<&[u8]>) -> Result<Self, UserError> {
        check_info(info.unwrap_or_default())?;
        let info = info.map(Arc::from);
        Ok(Self::Refresh(Refresh { expire_at, info }))
    }

    /// Bytes that it carries.
    fn weight(&self) -> usize {
        match self {
            Self::Send(payload) => payload.bytes.len(),
            Self::Subscribe(subscription) => {
                let Subscribed { data, info, .. } = &subscription.subscribed;
                subscription.channel.len() + data.len() + info.len()
            }
            Self::Refresh(refresh) => refresh.info.as_ref().map_or(0, |info| info.len()),
            Self::Disconnect(_) | Self::Unsubscribe(_) | Self::List(_) => 0,
        }
    }
}

fn check_info(info: &[u8]) -> Result<(), UserError> {
    let fits = info.len() <= CLIENT_INFO_BYTES_MAX;
    fits.then_some(()).ok_or(UserError::Info)
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
