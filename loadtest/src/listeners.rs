//! Subscribers of one topic with one publisher, which may leave and come back at any time.
//!
//! One that comes back begins with whatever message comes first, as long as none is missing that
//! was begun after it knew that it was live.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::app::{App, Done, EndedBy, LinkName, Place};
use crate::check::{Checker, Faults};
use crate::churn::{Churn, Leaver};
use crate::message::Form;
use crate::outbox::Outbox;
use crate::record::Recorder;
use crate::report::{Deliveries, add_counts};
use crate::series::Meter;
use crate::timeline::Timeline;

#[derive(Debug)]
pub(crate) struct Listeners {
    form: Form,
    schedule: Arc<Timeline>,
    hall: Arc<Hall>,
    checker: Checker,
    /// Those that came back, and when they were live, until their first message.
    joining: HashMap<u32, u64>,
    leaver: Leaver,
    /// First deliveries since the last turn.
    tally: u64,
    interval: u32,
    /// Time of each delivery since it was due: before, during and after what is going on.
    latency: [Recorder; 3],
    /// The same, for the series.
    meter: Meter,
    /// Time of each delivery of this interval.
    of_interval: Recorder,
    took: Recorder,
    got: u64,
    /// Messages that no publisher of this run sent, or that were changed on the way.
    foreign: u64,
    /// Messages that did not reach one that was back, though they began later.
    missed: u64,
    ended: BTreeMap<String, u64>,
}

/// Shared by the listeners of a crew and whoever leads them.
#[derive(Debug)]
pub(crate) struct Hall {
    /// Deliveries, each (subscriber, message) once.
    pub(crate) delivered: AtomicU64,
    /// Listeners that have had all messages, once their number is known.
    pub(crate) complete: AtomicU64,
    /// How many messages there are in all; zero until it is known.
    pub(crate) messages: AtomicU32,
    /// What goes on began here, and ended there; latencies are told apart by it.
    pub(crate) from_ns: AtomicU64,
    pub(crate) to_ns: AtomicU64,
    /// Number of the interval; when it moves, each thread hands in its latencies.
    pub(crate) interval: AtomicU32,
    handed_in: Option<Sender<Recorder>>,
    /// Whether those that the server closes connect again.
    pub(crate) returns: bool,
    /// Whether their latencies are in the series.
    pub(crate) is_in_series: bool,
    /// Which are to leave and come back.
    pub(crate) churn: Churn,
}

impl Hall {
    /// An empty one. `handed_in` gets the latencies of each interval from each thread.
    pub(crate) fn new(churn: Churn, handed_in: Option<Sender<Recorder>>) -> Self {
        Self {
            delivered: AtomicU64::new(0),
            complete: AtomicU64::new(0),
            messages: AtomicU32::new(0),
            from_ns: AtomicU64::new(u64::MAX),
            to_ns: AtomicU64::new(u64::MAX),
            interval: AtomicU32::new(0),
            handed_in,
            returns: false,
            is_in_series: true,
            churn,
        }
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Acquire)
    }

    /// Number of the recorder for a message that was due then.
    #[inline]
    fn time_of(&self, due: u64) -> usize {
        let is_after = |mark: &AtomicU64| usize::from(mark.load(Ordering::Relaxed) <= due);
        is_after(&self.from_ns) + is_after(&self.to_ns)
    }
}

impl Listeners {
    /// For a thread's share of `conns` listeners.
    pub(crate) fn new(
        conns: usize,
        place: Place,
        form: Form,
        (schedule, hall): (Arc<Timeline>, Arc<Hall>),
        meter: Meter,
    ) -> Self {
        Self {
            form,
            schedule,
            hall,
            checker: Checker::new(place.share(conns), 1),
            joining: HashMap::new(),
            leaver: Leaver::new(place.share(conns), place),
            tally: 0,
            interval: 0,
            latency: recorders(),
            meter,
            of_interval: Recorder::new(),
            took: Recorder::new(),
            got: 0,
            foreign: 0,
            missed: 0,
            ended: BTreeMap::new(),
        }
    }

    /// Ends the check, knowing how many messages there were.
    fn finish(self, sent: u32) -> Faults {
        // Whoever came back was given time for one message at least.
        let never_reached = self.joining.len() as u64;
        // For the series, which has it interval by interval.
        drop(self.meter.finish());
        let mut faults = self.checker.finish(|_| std::slice::from_ref(&sent));
        faults.lost += self.missed + never_reached;
        faults
    }

    /// The first message of one that has come back.
    #[cold]
    fn join(&mut self, listener: u32, seq: u32) {
        if let Some(live_at) = self.joining.remove(&listener) {
            self.missed += self.schedule.due_between(live_at, seq);
        }
    }
}

impl App for Listeners {
    fn on_live(&mut self, link: LinkName, now: u64, took_ns: u64, _out: &mut Outbox) {
        self.took.record(took_ns);
        self.leaver.is_here(link.index);
        // Before the schedule has begun, and without one, none misses anything.
        if self.schedule.due(0).is_some() {
            let listener = link.number();
            self.checker.come_back(listener);
            self.joining.insert(listener, now);
        }
    }

    fn on_end(&mut self, link: LinkName, by: EndedBy<'_>, now: u64, out: &mut Outbox) {
        self.joining.remove(&link.number());
        match by {
            EndedBy::Us => self.leaver.has_left(link.index, &self.hall.churn, now, out),
            EndedBy::Server(why) => {
                self.leaver.is_gone(link.index);
                *self.ended.entry(why.to_owned()).or_default() += 1;
                if self.hall.returns {
                    out.come_back(link.index, now);
                }
            }
            EndedBy::Failure(_) => {}
        }
    }

    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, _out: &mut Outbox) {
        let ours = self.form.read(payload);
        let Some(stamp) = ours.filter(|stamp| stamp.publisher == 0 && stamp.seq < u32::MAX) else {
            self.foreign += 1;
            return;
        };
        if !self.joining.is_empty() {
            self.join(link.number(), stamp.seq);
        }
        if self.checker.see(link.number(), 0, stamp.seq) {
            let latency = now.saturating_sub(stamp.due_ns);
            self.latency[self.hall.time_of(stamp.due_ns)].record(latency);
            self.meter.record(latency);
            if self.hall.handed_in.is_some() {
                self.of_interval.record(latency);
            }
            self.tally += 1;
        }
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        self.meter.turn();
        let interval = self.hall.interval.load(Ordering::Acquire);
        if interval != self.interval {
            self.interval = interval;
            let ended = mem::replace(&mut self.of_interval, Recorder::new());
            if let Some(handed_in) = &self.hall.handed_in {
                // The other end is gone once the run is over.
                drop(handed_in.send(ended));
            }
        }
        let messages = self.hall.messages.load(Ordering::Acquire);
        if messages > 0 {
            let complete = self.checker.complete(messages) as u64;
            self.hall.complete.fetch_add(
                complete.wrapping_sub(self.leaver.told_complete),
                Ordering::AcqRel,
            );
            self.leaver.told_complete = complete;
        }
        if self.tally > 0 {
            let tally = mem::take(&mut self.tally);
            self.got += tally;
            self.hall.delivered.fetch_add(tally, Ordering::AcqRel);
        }
        self.leaver.turn(&self.hall.churn, now, out)
    }
}

#[derive(Debug)]
pub(crate) struct Heard {
    /// What came, and what was wrong with it; what is expected is what came and what was lost.
    pub(crate) deliveries: Deliveries,
    /// Latencies before, during and after what went on.
    pub(crate) latency: [Recorder; 3],
    pub(crate) took: Recorder,
    pub(crate) ended: BTreeMap<String, u64>,
    /// What failed, each try counted.
    pub(crate) failures: BTreeMap<String, u64>,
    pub(crate) pings: u64,
}

/// Puts the threads of a crew together, knowing how many messages there were.
pub(crate) fn heard(threads: Vec<Done<Listeners>>, sent: u32) -> Heard {
    let mut heard = Heard {
        deliveries: Deliveries::default(),
        latency: recorders(),
        took: Recorder::new(),
        ended: BTreeMap::new(),
        failures: BTreeMap::new(),
        pings: 0,
    };
    for Done {
        app,
        failures,
        pings,
        ..
    } in threads
    {
        for (all, part) in heard.latency.iter_mut().zip(&app.latency) {
            all.merge(part);
        }
        heard.took.merge(&app.took);
        heard.pings += pings;
        add_counts(&mut heard.failures, &failures);
        add_counts(&mut heard.ended, &app.ended);
        heard.deliveries.got += app.got + app.tally;
        heard.deliveries.foreign += app.foreign;
        heard.deliveries.add_faults(app.finish(sent));
    }
    heard.deliveries.expected = heard.deliveries.got + heard.deliveries.lost;
    heard
}

fn recorders() -> [Recorder; 3] {
    std::array::from_fn(|_| Recorder::new())
}
