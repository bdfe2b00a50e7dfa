//! Questions about a topic, which its home answers: history, presence, and presence in numbers. The
//! session waits for the answer.

use std::sync::mpsc::{Receiver, channel};

use crate::handler::{
    Failure, Handler, HistoryError, HistoryFilter, HistoryPage, HistoryReply, HomeReply,
    PresenceError, PresenceList, PresenceStats, Query,
};
use crate::id::ConnKey;
use crate::limits::{PAGE_ENTRIES_MAX, SESSION_ANSWER_TIMEOUT};
use crate::position::{Epoch, Position};
use crate::proto::centrifuge::{
    Answer, ClientInfo, ErrorCode, HistoryRequest, HistoryResult, PresenceRequest, PresenceResult,
    PresenceStatsResult, StreamPosition, Wire,
};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::session::pending::publication;
use crate::shard::core::session::{Answered, is_pattern};
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Ask, Question};
use crate::topic::presence;

/// What a session has asked the home of a topic. Without an answer in it, none has come in time.
struct Asked(Receiver<Told>);

/// What the home has answered.
enum Told {
    History(Result<HistoryPage, HistoryError>),
    Presence(Result<PresenceList, PresenceError>),
    PresenceStats(Result<PresenceStats, PresenceError>),
}

/// Takes the answer, and ends the wait.
type Line = Box<dyn FnOnce(Told) + Send + Sync>;

impl<H: Handler> ShardCore<H> {
    pub(super) fn history(&mut self, key: ConnKey, request: &HistoryRequest) -> Answered {
        self.query(key, Query::History, &request.channel, |line| {
            let reply = HistoryReply::new(|page| line(Told::History(page)));
            Ok(Ask::ReadHistory(filter(request)?, reply))
        })
    }

    pub(super) fn presence(&mut self, key: ConnKey, request: &PresenceRequest) -> Answered {
        self.query(key, Query::Presence, &request.channel, |line| {
            let reply = HomeReply::new(|list| line(Told::Presence(list)));
            Ok(Ask::Presence(reply))
        })
    }

    pub(super) fn presence_stats(&mut self, key: ConnKey, request: &PresenceRequest) -> Answered {
        self.query(key, Query::Presence, &request.channel, |line| {
            let reply = HomeReply::new(|stats| line(Told::PresenceStats(stats)));
            Ok(Ask::PresenceStats(reply))
        })
    }

    /// Asks the home of a topic, and when the command is carried out again takes its answer.
    fn query(
        &mut self,
        key: ConnKey,
        query: Query,
        channel: &str,
        ask: impl FnOnce(Line) -> Result<Ask, Failure>,
    ) -> Answered {
        if let Some(asked) = self.shard.take_asked(key) {
            let told = asked.0.try_recv().map_err(|_| ErrorCode::Internal)?;
            return self.shard.answer_of(key, told).map(Some);
        }
        if is_pattern(channel) {
            return Err(ErrorCode::NotAvailable.into());
        }
        self.ask_query(key, query, channel)?;
        let settings = self.shard.env.config.namespaces.of(channel);
        let is_offered = match query {
            Query::History => settings.history.is_some(),
            Query::Presence => settings.presence,
        };
        if !is_offered {
            return Err(ErrorCode::NotAvailable.into());
        }
        let wait = self.shard.ask_and_wait(key, channel, ask);
        self.settle_homes();
        Err(wait)
    }
}

impl<D, A> Shard<D, A> {
    fn take_asked(&mut self, key: ConnKey) -> Option<Box<Asked>> {
        self.conns.session(key)?.take_asked()?.downcast().ok()
    }

    /// Asks the home of a topic something, for which the session waits: so this is no success.
    fn ask_and_wait(
        &mut self,
        key: ConnKey,
        channel_name: &str,
        ask: impl FnOnce(Line) -> Result<Ask, Failure>,
    ) -> Failure
    where
        A: Send,
    {
        let topic = match self.pubsub.topic(channel_name) {
            Ok(topic) => topic.into_owned(),
            Err(error) => return error.into(),
        };
        let (deferred, wait) = self.defer(key, SESSION_ANSWER_TIMEOUT);
        let (sender, answers) = channel();
        let line = Box::new(move |told| {
            sender.send(told).ok();
            drop(deferred);
        });
        let asked = ask(line).and_then(|ask| {
            let question = Box::new(Question { topic, ask });
            self.ask_home(question).map_err(Failure::from)
        });
        if let Err(failure) = asked {
            return failure;
        }
        if let Some(session) = self.conns.session(key) {
            session.ask(Box::new(Asked(answers)));
        }
        wait.into()
    }

    fn answer_of(&mut self, key: ConnKey, told: Told) -> Result<Answer, Failure> {
        let wire = self
            .conns
            .session(key)
            .map_or(Wire::Json, |session| session.wire());
        Ok(match told {
            Told::History(page) => Answer::History(history(wire, &page.map_err(of_history)?)),
            Told::Presence(list) => Answer::Presence(PresenceResult {
                presence: list.map_err(of_presence)?.clients().map(client).collect(),
            }),
            Told::PresenceStats(stats) => {
                let stats = stats.map_err(of_presence)?;
                Answer::PresenceStats(PresenceStatsResult {
                    num_clients: number(stats.clients),
                    num_users: number(stats.users),
                })
            }
        })
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn filter(request: &HistoryRequest) -> Result<HistoryFilter, Failure> {
    let limit = usize::try_from(request.limit).unwrap_or(PAGE_ENTRIES_MAX);
    let since = request.since.as_ref();
    Ok(HistoryFilter {
        limit: Some(limit.min(PAGE_ENTRIES_MAX)),
        since: since.map(|since| since.offset),
        epoch: since.map_or(Ok(None), epoch)?,
        reverse: request.reverse,
    })
}

/// `None`: any.
fn epoch(since: &StreamPosition) -> Result<Option<Epoch>, Failure> {
    if since.epoch.is_empty() {
        return Ok(None);
    }
    // Of an epoch of another server nothing is there.
    let epoch = since.epoch.parse().map(Some);
    epoch.map_err(|_| ErrorCode::UnrecoverablePosition.into())
}

fn of_history(error: HistoryError) -> ErrorCode {
    match error {
        HistoryError::Off => ErrorCode::NotAvailable,
        HistoryError::Foreign => ErrorCode::UnrecoverablePosition,
        HistoryError::BeforeFirst => ErrorCode::BadRequest,
        HistoryError::Publish(_) => ErrorCode::Internal,
    }
}

fn history(wire: Wire, page: &HistoryPage) -> HistoryResult {
    let Position { epoch, offset } = page.position();
    HistoryResult {
        publications: page.kept().map(|kept| publication(wire, kept)).collect(),
        epoch: epoch.to_string(),
        offset,
    }
}

fn of_presence(error: PresenceError) -> ErrorCode {
    match error {
        PresenceError::Off => ErrorCode::NotAvailable,
        PresenceError::Publish(_) => ErrorCode::Internal,
    }
}

/// A client by its name.
fn client(info: &presence::ClientInfo) -> (String, ClientInfo) {
    let info = ClientInfo::from(info);
    (info.client.clone(), info)
}
