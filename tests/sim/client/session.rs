//! A session of the structured protocol over TCP, in protobuf, with one subscription, which has
//! deltas and comes back to where it was.

use corecast::internals::fuzz::apply_delta;
use corecast::proto::centrifuge::{
    Answer, Event, Publication, Reply, SubscribeRequest, SubscribeResult, UnsubscribeCode,
};
use corecast::{Position, Since, Topic};
use prost::Message as _;

use crate::client::Client;
use crate::client::Stage;
use crate::client::reader::Told;
use crate::ledger::Book;

/// What such a client knows of its subscription.
#[derive(Debug, Default)]
pub(crate) struct Session {
    name: String,
    /// That of the topic, as far as it was told.
    epoch: String,
    /// The message that the next delta is made of.
    last: Option<Vec<u8>>,
    /// It has asked for what it has missed.
    recovers: bool,
}

impl Session {
    /// Connects and subscribes.
    pub(super) fn greeting(&mut self, topic: &Topic, since: Since) -> Vec<u8> {
        self.name = topic.name().to_owned();
        // Connect with the number 1.
        [vec![4, 8, 1, 0x22, 0], self.subscribe(since)].concat()
    }

    fn subscribe(&mut self, since: Since) -> Vec<u8> {
        let (recover, epoch, offset) = match since {
            Since::Position(position) => (true, position.epoch.to_string(), position.offset),
            Since::Foreign => (true, "_".to_owned(), 7),
            _ => (false, String::new(), 0),
        };
        self.recovers = recover;
        let request = SubscribeRequest {
            channel: self.name.clone(),
            recover,
            epoch,
            offset,
            recoverable: true,
            delta: "fossil".to_owned(),
            ..SubscribeRequest::default()
        };
        // Subscribe with the number 2.
        let command = [vec![8, 2, 0x2a], request.encode_length_delimited_to_vec()].concat();
        let mut out = Vec::new();
        prost::encode_length_delimiter(command.len(), &mut out).unwrap();
        [out, command].concat()
    }

    fn position(&self, offset: u64) -> Position {
        format!("{}:{offset}", self.epoch)
            .parse()
            .expect("a position")
    }
}

impl Client {
    /// A reply or a push.
    pub(super) fn take_reply_or_push(
        &mut self,
        bytes: &[u8],
        book: &Book,
        answers: &mut Vec<u8>,
    ) -> usize {
        let mut rest = bytes;
        let Ok(len) = prost::decode_length_delimiter(&mut rest) else {
            return 0;
        };
        let Some(reply) = rest.get(..len) else {
            return 0;
        };
        let taken = bytes.len() - rest.len() + len;
        let reply = Reply::decode(reply).expect("a reply");
        match (reply.id, reply.answer) {
            (0, None) => answers.push(0),
            (1, Some(Answer::Connect(_))) => assert_eq!(self.stage, Stage::Opening),
            (2, Some(Answer::Subscribe(result))) => self.take_subscribed(result, book),
            (0, Some(Answer::Push(push))) => match push.event.expect("an event") {
                Event::Pub(publication) => self.take_publication(publication, book),
                Event::Unsubscribe(told) => {
                    let code = UnsubscribeCode::InsufficientState.code();
                    assert_eq!(told.code, u32::from(code));
                    answers.extend(self.subscribe_again(book));
                }
                Event::Disconnect(told) => {
                    self.stage = Stage::Told(told.code.try_into().expect("a code"));
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
        taken
    }

    fn take_subscribed(&mut self, result: SubscribeResult, book: &Book) {
        if self.stage == Stage::Opening {
            self.go_live(book);
        }
        assert!(result.delta, "{result:?}");
        let recovers = std::mem::take(&mut self.session.recovers);
        self.session.last = None;
        self.session.epoch = result.epoch;
        let position = self.session.position(result.offset);
        let first_max =
            book.places.as_ref().expect("topics with a history").all()[self.topics[0]].first_max;
        if recovers && !result.recovered {
            self.is_told(Told::Gap(Some(position)), book);
        } else if !recovers && first_max == 0 {
            // Otherwise it may be that of the first message to come.
            self.is_told(Told::Position(position), book);
        }
        for publication in result.publications {
            self.take_publication(publication, book);
        }
    }

    fn take_publication(&mut self, publication: Publication, book: &Book) {
        let session = &mut self.session;
        if !publication.epoch.is_empty() {
            session.epoch = publication.epoch;
        }
        let payload = if publication.delta {
            let last = session.last.as_ref().expect("a delta of nothing");
            apply_delta(last, &publication.data).expect("a delta of another message")
        } else {
            publication.data
        };
        session.last = Some(payload.clone());
        let position = session.position(publication.offset);
        self.see(Some(position), None, &payload, book);
    }

    /// It goes on where it was.
    fn subscribe_again(&mut self, book: &Book) -> Vec<u8> {
        let topic = self.topics[0];
        let orders = book.places.as_ref().expect("topics with a history").all();
        let source = self.readers[topic].clone();
        let since = source.position.map_or(Since::Default, Since::Position);
        let asked_at = orders[topic].placed.len();
        self.readers[topic].ask(since, Some(&source), &orders[topic], asked_at);
        self.session.subscribe(since)
    }
}
