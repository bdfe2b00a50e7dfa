//! What the server answers to the commands of a subscriber.

use crate::cli::sub::said::Said;
use crate::cli::sub::session::{Asked, Session, Subscription};
use crate::cli::sub::since::Since;
use crate::proto::centrifuge::{
    Answer, ConnectResult, HistoryResult, StreamPosition, SubscribeResult,
};

impl Session {
    pub(super) fn handle_answer(&mut self, asked: Asked, answer: Answer, out: &mut Vec<Said>) {
        match (asked, answer) {
            (Asked::Connect, Answer::Connect(result)) => self.handle_connect(result, out),
            (Asked::History(at), Answer::History(result)) => self.handle_history(at, result, out),
            (Asked::Subscribe(at), Answer::Subscribe(result)) => {
                self.subs[at].handle_live(result, out);
                self.tell_if_ready(out);
            }
            // The server has subscribed it meanwhile.
            (Asked::Subscribe(at), Answer::Error(error)) if error.code == ALREADY_SUBSCRIBED => {
                self.subs[at].is_live = true;
                self.tell_if_ready(out);
            }
            (Asked::History(at), Answer::Error(error)) if error.code == NOT_AVAILABLE => {
                let sub = &mut self.subs[at];
                out.push(Said::Note(format!("{}: there is no history", sub.topic)));
                sub.since = None;
                self.subscribe(at, out);
            }
            (asked, Answer::Error(error)) => self.handle_error(asked, &error, out),
            _ => {}
        }
    }

    /// The subscriptions that the token names are there; the others are asked for.
    fn handle_connect(&mut self, result: ConnectResult, out: &mut Vec<Said>) {
        for made in result.subs {
            let sub = self.subs.iter_mut().find(|sub| sub.topic == made.channel);
            if let Some(sub) = sub {
                sub.is_of_server = true;
                sub.handle_live(made.result, out);
            }
        }
        for at in 0..self.subs.len() {
            if !self.subs[at].is_live {
                self.begin(at, out);
            }
        }
        self.tell_if_ready(out);
    }

    /// A page of what was published before.
    fn handle_history(&mut self, at: usize, result: HistoryResult, out: &mut Vec<Said>) {
        let sub = &mut self.subs[at];
        if let Some(Since::Last(count)) = sub.since {
            if sub.keep_page(result, count) {
                return self.begin(at, out);
            }
            sub.print_kept(out);
            sub.since = None;
            return self.subscribe(at, out);
        }
        let HistoryResult {
            publications,
            epoch,
            offset,
        } = result;
        let last = publications.last().map(|publication| publication.offset);
        sub.at = Some(StreamPosition { offset, epoch });
        for publication in publications {
            sub.print(publication, out);
        }
        match last {
            Some(last) if last < offset => self.begin(at, out),
            _ => {
                if let Some(place) = &mut sub.at {
                    place.offset = offset;
                }
                sub.since = None;
                self.subscribe(at, out);
            }
        }
    }

    fn tell_if_ready(&mut self, out: &mut Vec<Said>) {
        if !self.is_ready && self.subs.iter().all(|sub| sub.is_live) {
            self.is_ready = true;
            out.push(Said::Ready);
        }
    }
}

impl Subscription {
    /// Keeps a page of the newest messages, the newest first; whether older ones are to be asked
    /// for.
    fn keep_page(&mut self, page: HistoryResult, count: u32) -> bool {
        let before = self.kept.last().map(|oldest| oldest.offset);
        if before.is_none() {
            // What is published meanwhile is recovered from here.
            self.at = Some(StreamPosition {
                offset: page.offset,
                epoch: page.epoch,
            });
        }
        let newest = page.publications.first().map(|newest| newest.offset);
        let is_older = newest.is_some_and(|newest| before.is_none_or(|before| newest < before));
        if !is_older {
            return false;
        }
        self.kept.extend(page.publications);
        let is_enough = count as usize <= self.kept.len();
        !is_enough && self.kept.last().is_some_and(|oldest| 1 < oldest.offset)
    }

    fn print_kept(&mut self, out: &mut Vec<Said>) {
        let top = self.at.clone();
        for publication in std::mem::take(&mut self.kept).into_iter().rev() {
            self.print(publication, out);
        }
        self.at = top;
    }

    /// The subscription is live.
    fn handle_live(&mut self, result: SubscribeResult, out: &mut Vec<Said>) {
        self.is_live = true;
        self.since = None;
        let was_asked = self.at.is_some();
        let has_position = result.recoverable || result.positioned;
        let place = StreamPosition {
            offset: result.offset,
            epoch: result.epoch,
        };
        if was_asked && !result.recovered {
            out.push(Said::Note(if has_position {
                format!(
                    "{}: gap: messages are missing that the server has no more; what follows \
                     begins after {}:{}",
                    self.topic, place.epoch, place.offset
                )
            } else {
                format!(
                    "{}: gap: messages may be missing: the topic has no history, or may not be \
                     read",
                    self.topic
                )
            }));
        }
        self.at = has_position.then_some(place);
        let last = self.at.as_ref().map(|at| at.offset);
        for publication in result.publications {
            self.print(publication, out);
        }
        // Its publications lead up to where it stands.
        if let (Some(at), Some(last)) = (&mut self.at, last) {
            at.offset = at.offset.max(last);
        }
    }
}

const ALREADY_SUBSCRIBED: u32 = 105;
const NOT_AVAILABLE: u32 = 108;
