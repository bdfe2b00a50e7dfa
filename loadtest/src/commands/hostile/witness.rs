//! The witness: a client that behaves, whose messages are to come back whatever the others do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::check::message::{Form, Stamp};
use crate::client::outbox::Outbox;
use crate::client::{App, Done, EndedBy, LinkName};
use crate::clock::{MILLISECOND, now_ns};
use crate::commands::hostile::figures::Echo;
use crate::commands::hostile::orders::Meters;
use crate::run::record::Recorder;

/// The application of the thread that has messages echoed.
pub(super) struct Witness {
    form: Form,
    meters: Arc<Meters>,
    clients: Vec<Client>,
    message: Vec<u8>,
    /// Round trips that began before the attack, and beside it.
    quiet: Recorder,
    beside: Recorder,
    /// Connections that the server has ended.
    ended: u64,
}

/// One connection of it.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    link: Option<LinkName>,
    sent: u32,
    /// When its next message is due, or was that is under way.
    due: u64,
    is_under_way: bool,
    began_quiet: bool,
}

pub(super) const CONNECTIONS: usize = 8;
/// Each sends a message so often.
const EVERY_NS: u64 = 20 * MILLISECOND;

impl Witness {
    pub(super) fn new(form: Form, meters: Arc<Meters>) -> Self {
        Self {
            form,
            meters,
            clients: vec![Client::default(); CONNECTIONS],
            message: Vec::new(),
            quiet: Recorder::default(),
            beside: Recorder::default(),
            ended: 0,
        }
    }
}

/// What the client saw, once its threads have ended. Messages that have not come back count as if
/// they did now.
pub(super) fn echo(threads: Vec<Done<Witness>>) -> Echo {
    let (mut quiet, mut beside, mut ended) = (Recorder::default(), Recorder::default(), 0);
    for mut done in threads {
        let now = now_ns();
        for client in done.app.clients.iter().filter(|client| client.is_under_way) {
            done.app.beside.record(now.saturating_sub(client.due));
        }
        quiet.merge(&done.app.quiet);
        beside.merge(&done.app.beside);
        ended += done.app.ended;
    }
    Echo {
        quiet: quiet.percentiles(),
        beside: beside.percentiles(),
        ended,
    }
}

impl App for Witness {
    fn on_live(&mut self, link: LinkName, now: u64, _took_ns: u64, _out: &mut Outbox) {
        let client = &mut self.clients[link.index];
        client.link = Some(link);
        // Not all in the same moment.
        client.due = now + EVERY_NS * link.index as u64 / CONNECTIONS as u64;
    }

    fn on_end(&mut self, link: LinkName, by: EndedBy<'_>, _now: u64, _out: &mut Outbox) {
        self.clients[link.index].link = None;
        self.ended += u64::from(matches!(by, EndedBy::Server(_)));
    }

    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, _out: &mut Outbox) {
        let client = &mut self.clients[link.index];
        let sent = self.form.read(payload).map(|stamp| stamp.seq);
        if !client.is_under_way || sent != Some(client.sent) {
            return;
        }
        client.is_under_way = false;
        let took = now.saturating_sub(client.due);
        if client.began_quiet {
            self.quiet.record(took);
        } else {
            // Those that would have been sent meanwhile would have waited, too.
            let mut left = took;
            self.beside.record(left);
            while EVERY_NS < left {
                left -= EVERY_NS;
                self.beside.record(left);
            }
        }
        client.due += EVERY_NS * (1 + took / EVERY_NS);
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let is_quiet = !self.meters.has_begun.load(Ordering::Acquire);
        let mut next: Option<u64> = None;
        for client in &mut self.clients {
            let Some(link) = client.link.filter(|_| !client.is_under_way) else {
                continue;
            };
            if client.due <= now {
                client.sent = client.sent.wrapping_add(1);
                client.is_under_way = true;
                client.began_quiet = is_quiet;
                let stamp = Stamp::new(0, client.sent, client.due);
                self.form.write(stamp, &mut self.message);
                out.message(link.index, link.protocol, &self.message);
            } else {
                next = Some(next.map_or(client.due, |next| next.min(client.due)));
            }
        }
        next
    }
}
