//! The attacks: the application of a thread whose connections each follow a script.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::app::{App, EndedBy, LinkName, Place, Plan};
use crate::client::{Link, State};
use crate::clock::MILLISECOND;
use crate::hostile::attack::{Attack, Wanted};
use crate::hostile::cli::HostileArgs;
use crate::hostile::figures;
use crate::hostile::script::{Script, Then};
use crate::inflate::Inflater;
use crate::leader::RunError;
use crate::outbox::{Leave, Outbox};
use crate::report::add_counts;
use crate::url::{Protocol, Target};

/// What attacking connections have done and met, by attack.
pub(super) type Losses = BTreeMap<Attack, Loss>;

/// What the connections of one attack have done and met.
#[derive(Clone, Debug, Default)]
pub(super) struct Loss {
    /// Connections that went through, each time counted.
    pub(super) opened: u64,
    /// Bytes that the kernel took.
    pub(super) sent: u64,
    /// How connections ended, and how often.
    pub(super) ends: BTreeMap<String, u64>,
}

/// What the attackers are to do; nothing where no attack is wanted.
#[derive(Debug, Default)]
pub(super) struct AttackPlan {
    /// The attacks with their connections.
    pub(super) wanted: Vec<(Attack, usize)>,
    pub(super) scripts: Vec<Arc<Script>>,
}

#[derive(Debug)]
pub(super) struct Attackers {
    foes: Vec<Foe>,
    has_begun: Arc<AtomicBool>,
    /// Zero until the leader lets them begin.
    began_at: u64,
    pub(super) losses: Losses,
    inflater: Inflater,
}

#[derive(Debug)]
struct Foe {
    script: Arc<Script>,
    is_live: bool,
    /// How many of those that are sent at every turn are out.
    turns: u64,
    /// What the server has refused it with.
    refused: Option<String>,
}

pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// One that ended is opened again after this.
const REST_NS: u64 = 250 * MILLISECOND;
/// Connections of one attack with a script of their own, as they have a topic of their own; behind
/// them they are shared.
const SCRIPTS: usize = 16;
/// Attacking connections of all attacks together.
const CONNECTIONS_MAX: usize = 50_000;

impl Attackers {
    /// Those of one thread, which wait until they may begin.
    pub(super) fn new(place: Place, scripts: &[Arc<Script>], has_begun: Arc<AtomicBool>) -> Self {
        let own = scripts.iter().skip(place.thread).step_by(place.threads);
        let foe = |script: &Arc<Script>| Foe {
            script: Arc::clone(script),
            is_live: false,
            turns: 0,
            refused: None,
        };
        Self {
            foes: own.map(foe).collect(),
            has_begun,
            began_at: 0,
            losses: Losses::new(),
            inflater: Inflater::new(),
        }
    }

    fn loss(&mut self, index: usize) -> &mut Loss {
        let attack = self.foes[index].script.attack;
        self.losses.entry(attack).or_default()
    }

    fn becomes_live(&mut self, index: usize, out: &mut Outbox) {
        let foe = &mut self.foes[index];
        foe.is_live = true;
        if foe.script.first.is_empty() {
            self.go_on(index, out);
        } else {
            out.piece(index, Arc::clone(&foe.script.first));
        }
    }

    /// The connection has sent all it was to send until now.
    fn go_on(&self, index: usize, out: &mut Outbox) {
        let foe = &self.foes[index];
        if let Then::Repeat(piece) = &foe.script.then
            && foe.is_live
            && !out.is_blocked(index)
        {
            out.piece(index, Arc::clone(piece));
        }
    }
}

impl App for Attackers {
    fn target<'a>(&'a self, _plan: &'a Plan, _thread: usize, index: usize) -> &'a Target {
        &self.foes[index].script.target
    }

    fn reads(&self, index: usize) -> bool {
        self.foes[index].script.reads
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        if !self.has_begun.load(Ordering::Acquire) {
            return None;
        }
        if self.began_at == 0 {
            self.began_at = now;
            (0..self.foes.len()).for_each(|index| out.come_back(index, now));
        }
        let mut next = None;
        for (index, foe) in self.foes.iter_mut().enumerate() {
            let Then::Every(every, piece) = &foe.script.then else {
                continue;
            };
            let turn = (now - self.began_at) / every;
            if foe.is_live && foe.turns < turn && !out.is_blocked(index) {
                foe.turns = turn;
                out.piece(index, Arc::clone(piece));
            }
            let at = self.began_at + (turn + 1) * every;
            next = Some(next.map_or(at, |next: u64| next.min(at)));
        }
        next
    }

    fn on_connected(&mut self, index: usize, _now: u64, out: &mut Outbox) {
        self.loss(index).opened += 1;
        let script = &self.foes[index].script;
        if script.upgrades() {
            out.piece(index, script.request.clone().into());
        } else {
            self.becomes_live(index, out);
        }
    }

    fn on_taken(&mut self, index: usize, bytes: usize, is_whole: bool, out: &mut Outbox) {
        self.loss(index).sent += bytes as u64;
        if is_whole {
            self.go_on(index, out);
        }
    }

    fn on_bytes(&mut self, index: usize, link: &mut Link, bytes: &[u8], out: &mut Outbox) {
        let foe = &mut self.foes[index];
        if !foe.script.upgrades() {
            // An answer to a request over HTTP is counted by its status.
            let status = bytes.strip_prefix(b"HTTP/1.1 ");
            if let Some(status) = status.and_then(|rest| rest.get(..3))
                && link.protocol == Protocol::WebSocket
            {
                let answer = format!("HTTP status {}", String::from_utf8_lossy(status));
                *self.loss(index).ends.entry(answer).or_default() += 1;
            }
            return;
        }
        if foe.is_live {
            return;
        }
        let inflater = foe.script.deflate.then_some(&mut self.inflater);
        match link.handle_bytes(bytes, MESSAGE_BYTES_MAX, inflater, |_| {}) {
            Err(ended) => {
                foe.refused = Some(ended.label());
                out.leave(index, Leave::Cut);
            }
            Ok(()) if link.state == State::Live => {
                link.keep_partial(&[]);
                self.becomes_live(index, out);
            }
            Ok(()) => {}
        }
    }

    fn on_end(&mut self, link: LinkName, by: EndedBy<'_>, now: u64, out: &mut Outbox) {
        let foe = &mut self.foes[link.index];
        foe.is_live = false;
        let refused = foe.refused.take();
        let how = match by {
            EndedBy::Server(why) | EndedBy::Failure(why) => why,
            EndedBy::Us => "",
        };
        let how = refused.unwrap_or_else(|| how.to_owned());
        *self.loss(link.index).ends.entry(how).or_default() += 1;
        out.come_back(link.index, now + REST_NS);
    }
}

pub(super) fn add_losses(all: &mut Losses, part: &Losses) {
    for (attack, loss) in part {
        let sum = all.entry(*attack).or_default();
        sum.opened += loss.opened;
        sum.sent += loss.sent;
        add_counts(&mut sum.ends, &loss.ends);
    }
}

/// The figures of all attacks that were wanted.
pub(super) fn told(
    wanted: Vec<(Attack, usize)>,
    mut losses: Losses,
) -> BTreeMap<String, figures::Losses> {
    let told = |(attack, connections): (Attack, usize)| {
        let loss = losses.remove(&attack).unwrap_or_default();
        let losses = figures::Losses {
            connections,
            opened: loss.opened,
            sent_bytes: loss.sent,
            ends: loss.ends,
        };
        (attack.label(), losses)
    };
    wanted.into_iter().map(told).collect()
}

impl AttackPlan {
    /// What the flags ask for, if they go together.
    pub(super) fn new(args: &HostileArgs, targets: &[Target]) -> Result<Self, RunError> {
        if args.attack.is_empty() {
            return Ok(Self::default());
        }
        let wanted = wanted(args)?;
        let scripts = scripts(args, &wanted, targets)?;
        Ok(Self { wanted, scripts })
    }
}

/// The attacks that can be made, with their connections.
fn wanted(args: &HostileArgs) -> Result<Vec<(Attack, usize)>, RunError> {
    let wrong = |text: &str| Err(RunError::Usage(text.to_owned()));
    let is_named = |wanted: &Wanted| wanted.attack == Some(Attack::NestedBatches);
    if args.api_key.is_none() && args.attack.iter().any(is_named) {
        return wrong("nested-batches needs --api-key");
    }
    let mut wanted = Wanted::list(&args.attack);
    wanted.retain(|(attack, _)| *attack != Attack::NestedBatches || args.api_key.is_some());
    let all: usize = wanted.iter().map(|(_, connections)| connections).sum();
    if CONNECTIONS_MAX < all {
        return wrong("the attacks have more than 50000 connections together");
    }
    Ok(wanted)
}

/// What each connection does: empty frames go to a TCP target where there is one, all else to the
/// first that speaks HTTP.
fn scripts(
    args: &HostileArgs,
    wanted: &[(Attack, usize)],
    targets: &[Target],
) -> Result<Vec<Arc<Script>>, RunError> {
    let plain = |protocol| {
        let mut targets = targets.iter();
        targets.find(move |target| target.protocol == protocol && !target.tls)
    };
    let Some(http) = plain(Protocol::WebSocket) else {
        let text = "--attack needs a --url with ws://".to_owned();
        return Err(RunError::Usage(text));
    };
    let framed = plain(Protocol::LengthPrefix).unwrap_or(http);
    let key = args.api_key.as_deref().unwrap_or_default();
    let mut scripts = Vec::new();
    for (attack, connections) in wanted {
        let target = match attack {
            Attack::EmptyFrames => framed,
            _ => http,
        };
        let own: Vec<Arc<Script>> = (0..SCRIPTS.min(*connections))
            .map(|number| Arc::new(Script::new(*attack, number, target, key)))
            .collect();
        scripts.extend(own.iter().cycle().take(*connections).cloned());
    }
    Ok(scripts)
}
