//! A leader's link to one agent: what the leader wants goes there, and what the agent counts is
//! added to what the leader looks at, as if the agent's threads were its own.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::agents::clocks::{self, Ahead, EXCHANGES, Exchange};
use crate::agents::mirror::Mirror;
use crate::agents::secret::{Secret, Side, nonce};
use crate::agents::wire::{
    self, Counts, EARLY_BYTES_MAX, Early, Incoming, Order, Outcome, REPORT_BYTES_MAX, Report, Task,
    VERSION,
};
use crate::client::control::Control;
use crate::clock::{MILLISECOND, nanos_of, now_ns};

/// An agent that is there.
pub(super) struct Link {
    pub(super) name: String,
    stream: TcpStream,
    reports: Incoming<Report>,
    pub(super) host: Host,
    pub(super) ahead: Ahead,
}

/// What the host of an agent has.
#[derive(Clone, Copy)]
pub(super) struct Host {
    pub(super) cpus: usize,
    pub(super) descriptors: u64,
}

/// What a link has told its agent.
#[derive(Default)]
struct Told {
    open: (u64, u64),
    warm_up: bool,
    begin: bool,
    looked_at: u64,
    counts: Counts,
}

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// An agent that says nothing for so long is lost. Adding up a run takes longer.
const PATIENCE: Duration = Duration::from_secs(5);
const RESULT_PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY_NS: u64 = 500 * MILLISECOND;
/// What the leader wants is looked at this often.
const TURN: Duration = Duration::from_millis(5);

impl Link {
    /// Connects to an agent, each side shows that it knows the secret, and clocks are compared.
    pub(super) fn open(name: &str, secret: &Secret) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("agent {name}: {error}; does `loadtest agent --listen` run there?")
        };
        let mut addrs = name.to_socket_addrs().map_err(|error| failed(&error))?;
        let addr = addrs.next().ok_or_else(|| failed(&"it has no address"))?;
        let stream = TcpStream::connect_timeout(&addr, CONNECT_PATIENCE);
        let stream = stream.map_err(|error| failed(&error))?;
        let mut link =
            Self::greet(name, stream, secret).map_err(|why| format!("agent {name}: {why}"))?;
        link.ahead = link
            .compare_clocks()
            .map_err(|why| format!("agent {name}: {why}"))?;
        Ok(link)
    }

    fn greet(name: &str, stream: TcpStream, secret: &Secret) -> Result<Self, String> {
        let said = |error: io::Error| error.to_string();
        stream.set_nodelay(true).map_err(said)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(said)?;
        let mut early = Early::new(&stream, PATIENCE);
        let (version, theirs) = match wire::read(&mut early, EARLY_BYTES_MAX).map_err(said)? {
            Report::Hello {
                has_secret: true, ..
            } if !secret.is_some() => {
                return Err(
                    "it wants a secret: give the leader its file with --secret-file".to_owned(),
                );
            }
            Report::Hello { version, nonce, .. } => (version, nonce),
            Report::Trouble(why) => return Err(why),
            _ => return Err("that is no agent".to_owned()),
        };
        if version != VERSION {
            return Err(format!(
                "it speaks version {version} and this leader {VERSION}: take the same loadtest"
            ));
        }
        let ours = nonce()?;
        let nonces = [theirs.as_str(), ours.as_str()];
        let proof = secret.proof(Side::Leader, nonces);
        let nonce = ours.clone();
        wire::write(&mut &stream, &Order::Prove { nonce, proof }).map_err(said)?;
        let host = match wire::read(&mut early, EARLY_BYTES_MAX).map_err(said)? {
            Report::Welcome { proof, .. } if !secret.is_proof(Side::Agent, nonces, &proof) => {
                return Err("it does not know the secret".to_owned());
            }
            Report::Welcome {
                cpus, descriptors, ..
            } => Host { cpus, descriptors },
            Report::Trouble(why) => return Err(why),
            _ => return Err("that is no agent".to_owned()),
        };
        stream.set_read_timeout(None).map_err(said)?;
        let reports = wire::listen(&stream, REPORT_BYTES_MAX).map_err(said)?;
        Ok(Self {
            name: name.to_owned(),
            stream,
            reports,
            host,
            ahead: Ahead::default(),
        })
    }

    fn send(&mut self, order: &Order) -> Result<(), String> {
        wire::write(&mut self.stream, order).map_err(|error| error.to_string())
    }

    /// The next report and when it came, within this time.
    fn receive(&self, patience: Duration) -> Result<Option<(u64, Report)>, String> {
        match self.reports.recv_timeout(patience) {
            Ok((_, Ok(Report::Trouble(why)))) => Err(why),
            Ok((at, Ok(report))) => Ok(Some((at, report))),
            Ok((_, Err(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err("it has ended the connection".to_owned())
            }
            Ok((_, Err(error))) => Err(error.to_string()),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("it is gone".to_owned()),
        }
    }

    /// The report that `wanted` takes; counts that come meanwhile are of no interest.
    fn wait<T>(
        &self,
        patience: Duration,
        mut wanted: impl FnMut(u64, Report) -> Option<T>,
    ) -> Result<T, String> {
        let end = now_ns() + nanos_of(patience);
        loop {
            let left = Duration::from_nanos(end.saturating_sub(now_ns()));
            let Some((at, report)) = self.receive(left)? else {
                return Err(silent(patience));
            };
            if let Some(found) = wanted(at, report) {
                return Ok(found);
            }
        }
    }

    fn compare_clocks(&mut self) -> Result<Ahead, String> {
        let mut exchanges = Vec::new();
        for _ in 0..EXCHANGES {
            let asked_ns = now_ns();
            self.send(&Order::Clock)?;
            exchanges.push(self.wait(PATIENCE, |got_ns, report| match report {
                Report::Clock { came_ns, went_ns } => Some(Exchange {
                    asked_ns,
                    came_ns,
                    went_ns,
                    got_ns,
                }),
                _ => None,
            })?);
        }
        Ok(clocks::compare(&exchanges))
    }

    /// Waits until the leader knows the agent's part; meanwhile the agent hears that it is there.
    pub(super) fn wait_for(&mut self, task: &Receiver<Task>) -> Result<Task, String> {
        loop {
            match task.recv_timeout(Duration::from_nanos(LOOK_EVERY_NS)) {
                Ok(task) => return Ok(task),
                Err(RecvTimeoutError::Timeout) => self.send(&Order::Look)?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("the leader has given up".to_owned());
                }
            }
        }
    }

    /// Gives the agent its part of the run.
    pub(super) fn give(&mut self, task: Task) -> Result<(), String> {
        let failed = |name: &str, why: String| format!("agent {name}: {why}");
        let ahead_ns = self.ahead.ns;
        let order = Order::Plan(Box::new(Task { ahead_ns, ..task }));
        let is_ready = |_, report| matches!(report, Report::Ready).then_some(());
        let given = self
            .send(&order)
            .and_then(|()| self.wait(RESULT_PATIENCE, is_ready));
        given.map_err(|why| failed(&self.name, why))
    }

    /// Passes on what the leader wants and what the agent counts, until the leader stops.
    pub(super) fn follow(&mut self, mirror: &Mirror) -> Result<(), String> {
        let mut told = Told::default();
        let mut heard_at = now_ns();
        while !mirror.subscribers.is_stopping() {
            self.tell(mirror, &mut told)?;
            match self.receive(TURN)? {
                Some((at, Report::Counts(counts))) => {
                    heard_at = at;
                    mirror.add(&told.counts, &counts);
                    told.counts = counts;
                }
                Some(_) => {}
                None if now_ns() - heard_at > nanos_of(PATIENCE) => return Err(silent(PATIENCE)),
                None => {}
            }
        }
        Ok(())
    }

    fn tell(&mut self, mirror: &Mirror, told: &mut Told) -> Result<(), String> {
        let up_to = |control: &Control| control.open_up_to.load(Ordering::Acquire);
        let open = (up_to(&mirror.subscribers), up_to(&mirror.publishers));
        if told.open != open {
            let (subscribers, publishers) = open;
            self.send(&Order::Open {
                subscribers,
                publishers,
            })?;
            told.open = open;
        }
        if !told.warm_up && mirror.progress.warm_up.load(Ordering::Acquire) {
            self.send(&Order::WarmUp)?;
            told.warm_up = true;
        }
        let start_ns = mirror.progress.timeline.start_ns();
        if !told.begin && start_ns > 0 {
            let at_ns = start_ns.wrapping_add_signed(self.ahead.ns);
            self.send(&Order::Begin { at_ns })?;
            told.begin = true;
        }
        let now = now_ns();
        if now - told.looked_at > LOOK_EVERY_NS {
            self.send(&Order::Look)?;
            told.looked_at = now;
        }
        Ok(())
    }

    /// Compares the clocks again and ends the agent's part; returns the messages it has sent.
    pub(super) fn stop(&mut self) -> Result<(u64, Vec<u32>), String> {
        let after = self.compare_clocks()?;
        self.send(&Order::Stop)?;
        let sent = self.wait(RESULT_PATIENCE, |_, report| match report {
            Report::Sent(sent) => Some(sent),
            _ => None,
        })?;
        Ok((clocks::error_ns(self.ahead, after), sent))
    }

    /// Tells the agent what all have sent; returns what it found, if that can be.
    pub(super) fn result(&mut self, sent: Vec<u32>, publishers: usize) -> Result<Outcome, String> {
        self.send(&Order::Sent(sent))?;
        let outcome = self.wait(RESULT_PATIENCE, |_, report| match report {
            Report::Result(outcome) => Some(*outcome),
            _ => None,
        })?;
        let is_of_run = outcome.heard.is_of(publishers);
        is_of_run
            .then_some(outcome)
            .ok_or_else(|| "its result is of another run".to_owned())
    }
}

fn silent(patience: Duration) -> String {
    format!("it has said nothing for {} s", patience.as_secs())
}
