//! What holds between two turns, for tests; the audit of the core asks for it.

use crate::id::{FeedKey, TopicKey};
use crate::payload::Form;
use crate::topic::fanout::Fanout;
use crate::topic::fanout::feed::Feed;
use crate::topic::fanout::member::{BLOCKED, DETACHED, FRESH, Member, OUTBOX_FIRST, OWN_AHEAD};

impl Fanout {
    /// Whatever is held, by name; all zero once all subscribers have gone.
    pub(crate) fn remains(&self) -> [(&'static str, usize); 6] {
        [
            ("topics", self.topics.count()),
            ("feeds", self.feeds.len()),
            ("backlog bytes", self.backlog()),
            ("pages", self.pages.len()),
            ("walks", self.walks.len()),
            ("fading", self.topics.fading()),
        ]
    }

    /// All members, with their topic and form.
    pub(crate) fn members(&self) -> impl Iterator<Item = (TopicKey, Form, Member)> {
        self.feeds.iter().flat_map(|(_, feed)| {
            let members = feed.members.iter();
            members.map(|member| (feed.topic, feed.form, *member))
        })
    }

    /// The member in a place.
    pub(crate) fn member_at(&self, place: crate::topic::fanout::Place) -> Option<Member> {
        let key = self.feed_key(place.topic, place.form)?;
        let feed = self.feeds.get(key.index());
        feed?.members.get(place.index as usize).copied()
    }

    /// Panics unless logs, members and lists agree with each other.
    pub(crate) fn audit(&self, log_bytes_max: usize) {
        assert!(self.handovers.is_empty(), "a walk's rest is not taken over");
        let overruns = self.overruns.conns.len() as u64 + self.overruns.skipped;
        assert_eq!(overruns, 0, "overruns are not acted on");
        assert!(self.deltas.is_done(), "messages are not handed over");
        for (key, feed) in &self.feeds {
            self.audit_feed(FeedKey::new(key), feed, log_bytes_max);
        }
        let logs: usize = self.feeds.iter().map(|(_, feed)| feed.log.len()).sum();
        assert!(logs <= self.pool.backlog(), "backlog");
    }

    fn audit_feed(&self, key: FeedKey, feed: &Feed, log_bytes_max: usize) {
        let log = &feed.log;
        let blocked = feed.members.iter().filter(|member| member.is(BLOCKED));
        assert_eq!(feed.blocked as usize, blocked.count(), "feed {key}");
        let of_topic = self.feeds_of(feed.topic);
        let of_form = of_topic.filter(|(_, other)| other.form == feed.form);
        let of_form: Vec<FeedKey> = of_form.map(|(key, _)| key).collect();
        assert_eq!(of_form, [key], "the topic's feeds of this form");
        assert_eq!(feed.queued, self.walks.contains(&key), "feed {key}");
        let is_long = log_bytes_max < log.len();
        assert!(
            !is_long || log.newest() == log.base(),
            "the log of feed {key} is too long"
        );
        let mut is_needed = false;
        for member in &feed.members {
            audit_member(feed, *member);
            is_needed |= member.is(BLOCKED | OUTBOX_FIRST) || member.cursor() < log.head();
        }
        assert!(
            log.is_empty() || feed.queued || is_needed,
            "no member needs the log of feed {key}"
        );
    }
}

fn audit_member(feed: &Feed, member: Member) {
    if member.is(DETACHED) {
        return;
    }
    let key = member.conn;
    let (log, cursor) = (&feed.log, member.cursor());
    let is_ready = !member.is(FRESH) || cursor == log.head() && feed.form.deltas().is_some();
    assert!(is_ready, "{key} gets a delta to what it lacks");
    assert!(
        log.base() <= cursor && cursor <= log.head(),
        "{key} fell off its log"
    );
    assert_eq!(log.frame_end(cursor), cursor, "{key} stands inside a frame");
    let own = log.next_own(member).map(|(start, _)| start);
    assert_eq!(own.is_some(), member.is(OWN_AHEAD), "{key}: own frames");
    assert_ne!(own, Some(cursor), "{key} stands at a frame of its own");
    if !member.is(BLOCKED) {
        assert!(feed.settled <= cursor, "{key} has less than is settled");
    }
    let is_fed = cursor == log.head() || member.is(OUTBOX_FIRST) || feed.queued;
    assert!(is_fed, "no walk comes to {key}");
}
