//! `agent`: makes parts of runs for a leader elsewhere, one after another.

use std::io::{self, Write, stderr, stdout};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use corecast::sys::descriptors;
use crossbeam_channel::RecvTimeoutError;

use crate::agents::secret::{Secret, Side, nonce};
use crate::agents::wire::{
    self, EARLY_BYTES_MAX, Early, Incoming, ORDER_BYTES_MAX, Order, Outcome, Report, Task, VERSION,
};
use crate::agents::work::{self, Work};
use crate::clock::{nanos_of, now_ns, rest};
use crate::run::leader::RunError;
use crate::run::remote::RemoteArgs;

const EXAMPLES: &str = "\
Examples: on two hosts of your own, with one secret, and a leader on a third:
  openssl rand -hex 32 >secret            # the same file on all three
  loadtest agent --listen 10.0.0.11:9100 --secret-file secret --i-may-load 10.0.0.2
  loadtest agent --listen 10.0.0.12:9100 --secret-file secret --i-may-load 10.0.0.2
  loadtest fanout --url 'ws://10.0.0.2:8080/sub/{topic}' --i-may-load 10.0.0.2 -n 200000 \\
    --rate 5 --duration 30 --agents 10.0.0.11:9100,10.0.0.12:9100 --secret-file secret";

/// Makes parts of runs for a leader on another host.
///
/// It loads this host's loopback and what --i-may-load names here, whatever a leader asks for, and
/// takes neither files nor commands from it. One leader at a time. What they say is not encrypted:
/// use a private network, or ssh -L.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AgentArgs {
    /// Address and port where a leader connects. Port 0 is any; the line on stdout has it.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// File with a secret of 16 bytes or more, that leaders must know. An agent that does not
    /// listen on loopback needs one.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Host that leaders may have loaded from here, exactly as it stands in a URL; this host's
    /// loopback always. Loading a server without permission of its owner is an attack. May be
    /// repeated.
    #[arg(long, value_name = "HOST")]
    i_may_load: Vec<String>,
    /// Addresses of this host that connections come from, in turn, a list.
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    source: Vec<IpAddr>,
}

/// A leader that says nothing for so long is gone, and its load ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// A leader tells what all have sent once all agents have.
const TOTAL_PATIENCE: Duration = Duration::from_secs(180);
/// Counts are told this often.
const TURN: Duration = Duration::from_millis(20);
/// Connections that have not shown that they know the secret.
const STRANGERS_MAX: usize = 16;

type Orders = Incoming<Order>;

/// Serves leaders for ever.
pub(crate) fn run(args: &AgentArgs) -> Result<(), RunError> {
    let secret = Secret::read(args.secret_file.as_ref()).map_err(RunError::Usage)?;
    if !secret.is_some() && !args.listen.ip().is_loopback() {
        return Err(RunError::Usage(format!(
            "--listen {}: other hosts reach it, so it needs a secret: openssl rand -hex 32 >secret, \
             and --secret-file secret here and for the leader",
            args.listen
        )));
    }
    let remote = RemoteArgs {
        i_may_load: args.i_may_load.clone(),
        source: args.source.clone(),
        yes: true,
        admin: None,
    };
    remote.sources()?;
    let descriptors = descriptors::raise_soft_limit()?;
    let listener = TcpListener::bind(args.listen)
        .map_err(|error| RunError::Failed(format!("--listen {}: {error}", args.listen)))?;
    writeln!(stdout(), "listening agent {}", listener.local_addr()?)?;
    stdout().flush()?;
    let (is_busy, strangers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Where no descriptor is free, it fails at once, until connections of a run end.
            rest(TURN);
            continue;
        };
        strangers.fetch_add(1, Ordering::AcqRel);
        let stranger = Stranger(Arc::clone(&strangers));
        if strangers.load(Ordering::Acquire) > STRANGERS_MAX {
            continue;
        }
        let (secret, remote) = (secret.clone(), remote.clone());
        let is_busy = Arc::clone(&is_busy);
        let body = move || {
            let known = greet(&stream, &secret, descriptors, &is_busy);
            drop(stranger);
            let result = known.and_then(|busy| {
                let result = serve(&stream, &remote);
                drop(busy);
                result
            });
            if let Err(why) = result {
                say(&why);
                drop(wire::write(&mut &stream, &Report::Trouble(why)));
            }
            // What reads orders ends as well; a leader that is gone has nothing to lose.
            drop(stream.shutdown(Shutdown::Both));
        };
        let builder = thread::Builder::new().name("leader".to_owned());
        if let Err(error) = builder.spawn(body) {
            say(&format!(
                "no thread for a leader, which may try again: {error}"
            ));
        }
    }
    Ok(())
}

/// A connection that is counted as a stranger's while this lives.
struct Stranger(Arc<AtomicUsize>);

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The agent works for a leader while this lives.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn say(text: &str) {
    // An agent whose stderr is closed goes on.
    drop(writeln!(stderr(), "loadtest agent: {text}"));
}

/// Lets a leader in that knows the secret, if there is no other.
fn greet(
    stream: &TcpStream,
    secret: &Secret,
    descriptors: u64,
    is_busy: &Arc<AtomicBool>,
) -> Result<Busy, String> {
    let said = |error: io::Error| format!("a leader that was not let in: {error}");
    stream.set_nodelay(true).map_err(said)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(said)?;
    let (mut stream, ours) = (stream, nonce()?);
    let hello = Report::Hello {
        version: VERSION,
        nonce: ours.clone(),
        has_secret: secret.is_some(),
    };
    wire::write(&mut stream, &hello).map_err(said)?;
    let mut early = Early::new(stream, PATIENCE);
    let Order::Prove { nonce, proof } = wire::read(&mut early, EARLY_BYTES_MAX).map_err(said)?
    else {
        return Err("a leader must first show that it knows the secret".to_owned());
    };
    let nonces = [ours.as_str(), nonce.as_str()];
    if !secret.is_proof(Side::Leader, nonces, &proof) {
        return Err("the leader does not know this agent's secret: see --secret-file".to_owned());
    }
    if is_busy.swap(true, Ordering::AcqRel) {
        return Err("this agent works for another leader now".to_owned());
    }
    let busy = Busy(Arc::clone(is_busy));
    let welcome = Report::Welcome {
        proof: secret.proof(Side::Agent, nonces),
        cpus: thread::available_parallelism().map_or(1, usize::from),
        descriptors,
    };
    wire::write(&mut stream, &welcome).map_err(said)?;
    Ok(busy)
}

/// Makes one part of one run.
fn serve(mut stream: &TcpStream, remote: &RemoteArgs) -> Result<(), String> {
    let said = |error: io::Error| format!("the leader is gone: {error}");
    stream.set_read_timeout(None).map_err(said)?;
    let orders = wire::listen(stream, ORDER_BYTES_MAX).map_err(said)?;
    let task = loop {
        match next(&orders, PATIENCE)? {
            Some((came_ns, Order::Clock)) => answer_clock(stream, came_ns).map_err(said)?,
            Some((_, Order::Plan(task))) => break *task,
            Some(_) => {}
            None => return Err(silent(PATIENCE)),
        }
    };
    let Task { command, part, .. } = &task;
    say(&format!(
        "part {} of {} of a run of {command}",
        part.number + 1,
        part.of
    ));
    let make = |work: &dyn Work| follow(work, stream, &orders);
    let stopped = work::make(task, remote, &make)?;
    wire::write(&mut stream, &Report::Sent(stopped.sent())).map_err(said)?;
    let total = loop {
        match next(&orders, TOTAL_PATIENCE)? {
            Some((_, Order::Sent(total))) => break total,
            Some(_) => {}
            None => return Err(silent(TOTAL_PATIENCE)),
        }
    };
    let outcome: Outcome = stopped.outcome(total);
    wire::write(&mut stream, &Report::Result(Box::new(outcome))).map_err(said)?;
    say("the part is done");
    Ok(())
}

/// Does what the leader wants until it says that the run is over.
fn follow(work: &dyn Work, mut stream: &TcpStream, orders: &Orders) -> Result<(), String> {
    let said = |error: io::Error| format!("the leader is gone: {error}");
    wire::write(&mut stream, &Report::Ready).map_err(said)?;
    let (mut heard_at, mut told_at) = (now_ns(), 0);
    loop {
        if let Some((came_ns, order)) = next(orders, TURN)? {
            heard_at = came_ns;
            match order {
                Order::Clock => answer_clock(stream, came_ns).map_err(said)?,
                Order::Open {
                    subscribers,
                    publishers,
                } => work.open(subscribers, publishers),
                Order::WarmUp => work.warm_up(),
                Order::Begin { at_ns } => {
                    work.begin(at_ns);
                    say("messages begin");
                }
                Order::Stop => return Ok(()),
                Order::Look | Order::Prove { .. } | Order::Plan(_) | Order::Sent(_) => {}
            }
        }
        work.trouble().map_or(Ok(()), Err)?;
        let now = now_ns();
        if now.saturating_sub(heard_at) > nanos_of(PATIENCE) {
            return Err(silent(PATIENCE));
        }
        if now.saturating_sub(told_at) > nanos_of(TURN) {
            wire::write(&mut stream, &Report::Counts(work.counts())).map_err(said)?;
            told_at = now;
        }
    }
}

fn answer_clock(mut stream: &TcpStream, came_ns: u64) -> io::Result<()> {
    let went_ns = now_ns();
    wire::write(&mut stream, &Report::Clock { came_ns, went_ns })
}

/// The next order, within this time.
fn next(orders: &Orders, patience: Duration) -> Result<Option<(u64, Order)>, String> {
    match orders.recv_timeout(patience) {
        Ok((at, Ok(order))) => Ok(Some((at, order))),
        Ok((_, Err(error))) => Err(format!("the leader is gone, and its load ends: {error}")),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err("the leader is gone".to_owned()),
    }
}

fn silent(patience: Duration) -> String {
    format!(
        "the leader has said nothing for {} s, and its load ends",
        patience.as_secs()
    )
}
