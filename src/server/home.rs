//! What any thread may ask of the homes of topics: their histories, their clients, and the
//! positions of what it publishes.

use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::handler::{
    Census, HistoryError, HistoryFilter, HistoryPage, HomeReply, PresenceError, PresenceList,
    PresenceStats, Publish, PublishError, TopicFilter, census_calls, history_calls, presence_calls,
};
use crate::id::ShardId;
use crate::position::Position;
use crate::proto::Kind;
use crate::server::handle::Handle;
use crate::shard::mail::{Ask, CensusScan, Question, ToHome};
use crate::topic::{Topic, TopicName};

impl Handle {
    /// Publishes as [`publish_with_deadline`](Self::publish_with_deadline) does, and waits for the
    /// message's position: `None` if the topic has no history, or its room has not passed the
    /// message on. It replaces a [`reply`](Publish::reply).
    ///
    /// ```no_run
    /// # use std::time::{Duration, Instant};
    /// # use corecast::{Handle, Kind, Publish, PublishError};
    /// # fn switch_on(handle: &Handle) -> Result<(), PublishError> {
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// let lamp = Publish::new().key("lamp");
    /// if let Some(at) = handle.publish_positioned("house", Kind::Text, b"on", lamp, deadline)? {
    ///     println!("{}", at.offset);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The same, and [`PublishError::Unanswered`] if there was no answer until the deadline.
    pub fn publish_positioned(
        &self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        publish: Publish<'_>,
        deadline: Instant,
    ) -> Result<Option<Position>, PublishError> {
        let (reply, answer) = bounded(1);
        let publish = publish.reply(move |position| {
            reply.send(position).ok();
        });
        self.publish_with_deadline(topic, kind, payload, publish, deadline)?;
        wait_for(&answer, deadline)
    }

    history_calls!(self: &Self);
    presence_calls!(self: &Self);
    census_calls!(self: &Self);

    /// Reads messages of a topic's history, and waits for them until `deadline`. Do not call it
    /// from a callback: a shard must not wait.
    ///
    /// ```no_run
    /// # use std::time::{Duration, Instant};
    /// # use corecast::{Handle, HistoryError, HistoryFilter};
    /// # fn print(handle: &Handle) -> Result<(), HistoryError> {
    /// let newest = HistoryFilter { limit: Some(10), reverse: true, ..HistoryFilter::default() };
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// for message in handle.history_deadline("news", newest, deadline)?.messages() {
    ///     println!("{}: {:?}", message.position, message.payload());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the topic's home, and [`HistoryError::Publish`] where it did not answer.
    pub fn history_deadline(
        &self,
        topic: &(impl TopicName + ?Sized),
        filter: HistoryFilter,
        deadline: Instant,
    ) -> Result<HistoryPage, HistoryError> {
        let (reply, answer) = bounded(1);
        let reply = HomeReply::new(move |page| {
            reply.send(page).ok();
        });
        let question = self.question(topic, Ask::ReadHistory(filter, reply))?;
        let home = self.home_of(&question.topic);
        self.send_deadline(home, ToHome::Ask(Box::new(question)), deadline)?;
        wait_for(&answer, deadline)?
    }

    fn ask_home(&self, topic: &(impl TopicName + ?Sized), ask: Ask) -> Result<(), PublishError> {
        let question = self.question(topic, ask)?;
        let home = self.home_of(&question.topic);
        self.send(home, ToHome::Ask(Box::new(question)))
    }

    fn ask_all(
        &self,
        filter: Option<TopicFilter>,
        reply: HomeReply<Census>,
    ) -> Result<(), PublishError> {
        self.check_serving()?;
        let scan = CensusScan::for_all(self.outside.shards(), filter, reply);
        // Any shard gives it to the others.
        self.send(ShardId::default(), ToHome::Census(Box::new(scan)))
    }

    fn question(
        &self,
        topic: &(impl TopicName + ?Sized),
        ask: Ask,
    ) -> Result<Question, PublishError> {
        self.check_serving()?;
        let topic = Topic::named(topic)?.into_owned();
        Ok(Question { topic, ask })
    }
}

fn wait_for<T>(answer: &Receiver<T>, deadline: Instant) -> Result<T, PublishError> {
    answer.recv_deadline(deadline).map_err(|error| match error {
        RecvTimeoutError::Timeout => PublishError::Unanswered,
        RecvTimeoutError::Disconnected => PublishError::Stopped,
    })
}
