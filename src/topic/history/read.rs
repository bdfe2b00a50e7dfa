//! Reads of a topic's history by position.

use crate::config::TopicSettings;
use crate::limits::{HISTORY_READ_BYTES_MAX, HISTORY_READ_ENTRIES_MAX};
use crate::position::{Epoch, Position};
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::history::ages::millis;
use crate::topic::history::start::take_some;
use crate::topic::history::{History, Kept};

/// Which messages of a topic's history are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// So many at most; `None`: as many as one answer brings; 0: the position alone.
    pub limit: Option<usize>,
    /// Those after this offset, or before it in reverse; `None`: from the oldest, or the newest.
    pub since: Option<u64>,
    /// That of the offset, if it is known: of another one, what followed is not known.
    pub epoch: Option<Epoch>,
    /// The newest first.
    pub reverse: bool,
}

impl Filter {
    /// With those after this position, or before it in reverse.
    #[must_use]
    pub fn since(self, Position { epoch, offset }: Position) -> Self {
        Self {
            since: Some(offset),
            epoch: Some(epoch),
            ..self
        }
    }
}

/// Messages of a topic's history, and its newest position.
#[derive(Clone, Debug)]
pub struct ReadAnswer {
    /// That of the newest message.
    pub position: Position,
    /// In the order that was asked for.
    pub entries: Vec<Kept>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryError {
    /// The topic has no history.
    Off,
    /// The position is of another epoch.
    Foreign,
    /// In reverse from before the first message, where nothing can be.
    BeforeFirst,
}

impl History {
    /// Reads messages of a topic. Of a position that is older than the oldest message, those that
    /// are there follow.
    pub(crate) fn read(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        filter: Filter,
        now: Now,
    ) -> Result<ReadAnswer, HistoryError> {
        let settings = settings.history.as_ref().ok_or(HistoryError::Off)?;
        let key = self.rings.find(topic);
        let position = key.map_or_else(
            || self.epochs.start_of(topic),
            |key| self.rings.get(key).top,
        );
        if filter.reverse && filter.since == Some(0) {
            return Err(HistoryError::BeforeFirst);
        }
        if filter.epoch.is_some_and(|epoch| epoch != position.epoch) {
            return Err(HistoryError::Foreign);
        }
        let entries = key.map_or_else(Vec::new, |key| {
            let view = self.rings.get(key).view(millis(settings.ttl), now);
            let since = filter.since;
            let limit = filter.limit.unwrap_or(usize::MAX);
            let count_max = limit.min(HISTORY_READ_ENTRIES_MAX);
            // What has a key that is gone since then matters to those that have the key.
            let values = since.is_none();
            let entries = if filter.reverse {
                let entries = view.between(0, since.unwrap_or(u64::MAX), values);
                take_some(entries.rev(), count_max, HISTORY_READ_BYTES_MAX)
            } else {
                let entries = view.between(since.unwrap_or(0), u64::MAX, values);
                take_some(entries, count_max, HISTORY_READ_BYTES_MAX)
            };
            self.passed += view.passed.get();
            entries
        });
        Ok(ReadAnswer { position, entries })
    }
}
