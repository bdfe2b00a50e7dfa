//! How a message is published, beyond its topic.

use std::sync::Arc;
use std::{fmt, mem};

use crate::handler::PublishError;
use crate::limits::{KEY_BYTES_MAX, REPEATS_MAX, TAGS_BYTES_MAX, TAGS_MAX};
use crate::payload::Extra;
use crate::position::Position;
use crate::proto::centrifuge::ClientInfo;
use crate::topic::Topic;
use crate::topic::home::DedupKey;

/// How a message is published, beyond its topic. The default publishes as
/// [`Cx::publish`](crate::Cx::publish) does.
///
/// ```
/// # use corecast::{Cx, Kind, Publish, PublishError};
/// # fn set(cx: &mut Cx<'_, ()>) -> Result<(), PublishError> {
/// let publish = Publish::new().tag("source", "sensor-7").key("temperature");
/// cx.publish_with("house", Kind::Text, b"21.5", publish)
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "it is given to a call that publishes"]
pub struct Publish<'k> {
    /// Its publisher's key: with one, it is ordered once.
    once: Option<&'k str>,
    extra: Option<Arc<Extra>>,
    skips_history: bool,
    reply: Option<PositionReply>,
}

/// What few publications have.
#[derive(Debug)]
pub struct Extras {
    /// What the history and some forms tell with the message.
    pub(crate) extra: Option<Arc<Extra>>,
    /// The history does not keep the message.
    pub(crate) skips_history: bool,
    /// Its publisher's key: with one, it is ordered once.
    pub(crate) once: Option<DedupKey>,
    /// The same as text, for servers that have other hashes.
    pub(crate) once_text: Option<Box<str>>,
    /// Takes the message's position.
    reply: Option<PositionReply>,
    /// Those of the same message again, which came before it had its place.
    repeats: Vec<PositionReply>,
}

/// Takes the position of a message; none if it has none.
pub(crate) struct PositionReply(Box<dyn FnOnce(Option<Position>) + Send + Sync>);

impl<'k> Publish<'k> {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The message is dropped if one was published to the topic with this key of late, as with
    /// [`Cx::publish_once`](crate::Cx::publish_once). Its position is then that of the first, told
    /// when the first has it.
    pub fn once(mut self, key: &'k str) -> Self {
        self.once = Some(key);
        self
    }

    /// The message is the newest value of this key: where the topic keeps the
    /// [newest of each key](crate::HistorySettings::is_keyed), it takes the place of the one
    /// before. At most [`KEY_BYTES_MAX`](crate::limits::KEY_BYTES_MAX) bytes.
    pub fn key(mut self, key: &str) -> Self {
        self.extra().key = Some(key.into());
        self
    }

    /// With this message the value of its [key](Self::key) is gone: subscribers get it, and the
    /// history keeps it in place of the value, for those that come back and have that.
    pub fn removal(mut self) -> Self {
        self.extra().is_removal = true;
        self
    }

    /// Adds a tag, which the history and the structured protocol tell with the message: at most
    /// [`TAGS_MAX`](crate::limits::TAGS_MAX), of
    /// [`TAGS_BYTES_MAX`](crate::limits::TAGS_BYTES_MAX) bytes together.
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.extra().tags.push((name.into(), value.into()));
        self
    }

    /// Says which client has published the message. The structured protocol tells it.
    #[doc(hidden)]
    pub fn info(mut self, info: Arc<ClientInfo>) -> Self {
        self.extra().info = Some(info);
        self
    }

    /// The topic's history does not keep the message. It has a position nevertheless.
    pub fn skip_history(mut self) -> Self {
        self.skips_history = true;
        self
    }

    /// Calls `reply` with the message's position when it has its place: at the topic's next tick
    /// where it has [ticks](crate::Flush). `None` if the topic has no history, its room has not
    /// passed the message on, or a newer message has superseded it before the tick. It runs on the
    /// thread of a shard, or of the backplane if the topic is shared, perhaps before the call that
    /// publishes returns, and must not wait. It is dropped if the message is not published.
    pub fn reply(mut self, reply: impl FnOnce(Option<Position>) + Send + Sync + 'static) -> Self {
        self.reply = Some(PositionReply(Box::new(reply)));
        self
    }

    fn extra(&mut self) -> &mut Extra {
        Arc::make_mut(self.extra.get_or_insert_default())
    }

    /// The same for another topic, without what takes its position.
    pub(crate) fn again(&self) -> Self {
        Self {
            once: self.once,
            extra: self.extra.clone(),
            skips_history: self.skips_history,
            reply: None,
        }
    }

    /// # Errors
    ///
    /// [`PublishError::Options`].
    pub(crate) fn check(&self) -> Result<(), PublishError> {
        let is_good = self.extra.as_ref().is_none_or(|extra| {
            let key = extra.key.as_ref().map_or(0, |key| key.len());
            let tags = extra.tags.iter();
            let tags: usize = tags.map(|(name, value)| name.len() + value.len()).sum();
            key <= KEY_BYTES_MAX
                && extra.tags.len() <= TAGS_MAX
                && tags <= TAGS_BYTES_MAX
                && (!extra.is_removal || extra.key.is_some())
        });
        is_good.then_some(()).ok_or(PublishError::Options)
    }

    /// What few have.
    pub(crate) fn into_extras(self, topic: &Topic) -> Option<Box<Extras>> {
        let Self {
            once,
            extra,
            skips_history,
            reply,
        } = self;
        let has_extras = extra.is_some() || skips_history || once.is_some() || reply.is_some();
        has_extras.then(|| {
            Box::new(Extras {
                extra,
                skips_history,
                once: once.map(|key| DedupKey::new(topic, key)),
                once_text: once.map(Box::from),
                reply,
                repeats: Vec::new(),
            })
        })
    }
}

impl Extras {
    /// Bytes that these hold.
    pub(crate) fn weight(&self) -> usize {
        let extra = self.extra.as_ref();
        let key = self.once_text.as_ref().map_or(0, |key| key.len());
        key + extra.map_or(0, |extra| extra.weight())
    }

    /// Of what the message is the newest value.
    pub(crate) fn key(&self) -> Option<&str> {
        self.extra.as_ref()?.key.as_deref()
    }

    /// Has the publisher of the same message again told with the first. Of very many, one is told
    /// now that it has no position yet.
    pub(crate) fn repeat(&mut self, again: &mut Self) {
        if self.repeats.len() < REPEATS_MAX {
            self.repeats.extend(again.reply.take());
        }
        again.tell(None);
    }

    /// Tells the publisher the message's position, if it has asked.
    pub(crate) fn tell(&mut self, position: Option<Position>) {
        let repeats = mem::take(&mut self.repeats);
        let replies = self.reply.take().into_iter().chain(repeats);
        replies.for_each(|PositionReply(reply)| reply(position));
    }
}

impl fmt::Debug for PositionReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PositionReply")
    }
}
