//! Corecast beside both yardsticks: the same load on each in turn, round after round, as ratios.
//!
//! The speed of a host drifts by more than what is to be measured, so only runs of one round are
//! compared, and the median of the rounds is told.

mod round;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::cli;
use crate::commands::floor::FloorMode;
use crate::commands::ratio::round::{Measured, Round, Rules};
use crate::flags::{OutputArgs, count, micros, payload_bytes, rate};
use crate::host::pin::Pinning;
use crate::host::spawned::Spawned;
use crate::host::warning::Warning;
use crate::report::{Findings, Table};
use crate::run::Scenario;
use crate::run::leader::RunError;
use crate::run::targets::usage;

const EXAMPLES: &str = "\
Example:
  loadtest ratio --corecast target/release/corecast --connections 5000,10000 --payload 64,1024";

/// Corecast against both yardsticks, interleaved, as ratios of CPU time.
///
/// Each round starts the libc floor, the inlined floor and corecast in turn, puts the same load on
/// each, and ends it; every round begins with another one. The server is pinned to the first CPU
/// and the client to the others. A round counts if no run failed, CPU times were read, the client
/// was less than 95 % busy, CPUs were apart (or --no-pin), and the floors of fanout and batch spent
/// less than 3 % in user space; most rounds have to count.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RatioArgs {
    /// The corecast program.
    #[arg(long)]
    corecast: PathBuf,
    /// What is compared: fanout and batch (with --rate) per delivery, echo per round trip.
    #[arg(long, value_enum, default_value_t = FloorMode::Fanout)]
    mode: FloorMode,
    /// Rounds; the median is taken.
    #[arg(long, default_value_t = 5, value_parser = count())]
    runs: u32,
    /// Connections, a list.
    #[arg(short = 'n', long, value_delimiter = ',', default_value = "10000", value_parser = count())]
    connections: Vec<u32>,
    /// Bytes of each message, 24 to 16777216, a list.
    #[arg(short, long, value_delimiter = ',', default_value = "64", value_parser = payload_bytes())]
    payload: Vec<u32>,
    /// Messages of a run; with echo, of each connection.
    #[arg(short, long, default_value_t = 100, value_parser = count())]
    messages: u32,
    /// Messages per second at a fixed schedule instead of each after the one before.
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Microseconds that client threads rest between turns, as with fanout.
    #[arg(long, value_name = "US", value_parser = micros())]
    gather: Option<u32>,
    /// Subscribers connect over length-prefixed TCP instead of WebSocket.
    #[arg(long)]
    tcp: bool,
    /// Leave it to the kernel where server and client run.
    #[arg(long)]
    no_pin: bool,
    /// Where the figures go.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Nothing failed and of every cell most rounds count.
    passed: bool,
    /// Server and client had CPUs of their own.
    pinned: bool,
    /// Messages per second, where there was a schedule.
    rate_per_s: Option<f64>,
    cells: Vec<Cell>,
    /// Why not all cells and rounds are there.
    failure: Option<String>,
    warnings: Vec<Warning>,
}

/// One number of connections with one length of messages.
#[derive(Debug, Serialize)]
struct Cell {
    connections: u32,
    payload_bytes: u32,
    rounds: Vec<Round>,
    rounds_that_count: usize,
    /// Over the rounds that count.
    median: Option<Round>,
}

/// In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Libc,
    Inline,
    Corecast,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Libc => "libc",
            Self::Inline => "inline",
            Self::Corecast => "corecast",
        }
    }
}

/// Sees that what is asked for is possible.
pub(crate) fn check(args: &RatioArgs) -> Result<(), RunError> {
    if !args.corecast.exists() {
        let program = args.corecast.display();
        return usage(&format!(
            "--corecast {program}: there is no such file; build it first"
        ));
    }
    if args.mode == FloorMode::Echo && (args.tcp || args.rate.is_some()) {
        return usage("--mode echo goes with neither --tcp nor --rate");
    }
    if args.mode == FloorMode::Batch && args.rate.is_none() {
        return usage("--mode batch wants --rate: there is nothing to batch otherwise");
    }
    Ok(())
}

/// Makes all runs. What was measured before one that could not be made is kept.
pub(crate) fn run(args: &RatioArgs) -> Result<Figures, RunError> {
    check(args)?;
    let pinning = Pinning::new(!args.no_pin)?;
    pinning.take_client_cpus()?;
    let compared = compare_all(args, &pinning);
    pinning.give_back()?;
    compared
}

fn compare_all(args: &RatioArgs, pinning: &Pinning) -> Result<Figures, RunError> {
    let mut figures = Figures {
        passed: true,
        pinned: pinning.is_apart(),
        rate_per_s: args.rate,
        cells: Vec::new(),
        failure: None,
        warnings: Vec::new(),
    };
    if !figures.pinned && !args.no_pin {
        let text = "there is one CPU for server and client: no round counts without --no-pin";
        figures.warnings.push(Warning::note("one-cpu", text));
    }
    let payloads = || args.payload.iter().copied();
    let cells = args.connections.iter();
    let cells = cells.flat_map(|connections| payloads().map(|payload| (*connections, payload)));
    for (connections, payload) in cells {
        match compare(args, pinning, (connections, payload), &mut figures) {
            Ok(()) => {}
            Err(RunError::Usage(text)) => return Err(RunError::Usage(text)),
            Err(RunError::Failed(text)) => {
                figures.passed = false;
                figures.failure = Some(format!("{connections} x {payload} B: {text}"));
                break;
            }
        }
    }
    Ok(figures)
}

/// Makes the rounds of one cell, and adds it as far as it got.
fn compare(
    args: &RatioArgs,
    pinning: &Pinning,
    (connections, payload): (u32, u32),
    figures: &mut Figures,
) -> Result<(), RunError> {
    let rules = Rules {
        is_placed: pinning.is_apart() || args.no_pin,
        is_fanout: args.mode != FloorMode::Echo,
    };
    let mut rounds = Vec::new();
    let mut made = Ok(());
    for number in 1..=args.runs {
        let result = play(number, |server| {
            let measured = measure(args, pinning, server, (connections, payload))?;
            let name = server.name();
            let run = format!("round {number}, {connections} x {payload} B, {name}");
            for doubt in measured.doubts() {
                figures
                    .warnings
                    .push(Warning::note("round", format!("{run}: {doubt}")));
            }
            let is_floor = rules.is_fanout && server != Server::Corecast;
            if is_floor && measured.side.is_floor_too_busy() {
                let share = measured.side.user_text();
                let text = format!("{run}: {share} of the floor's time is in user space");
                figures.warnings.push(Warning::note("floor-busy", text));
            }
            figures.passed &= measured.passed;
            Ok(measured)
        });
        match result {
            Ok(runs) => rounds.push(Round::new(rules, &runs)),
            Err(error) => {
                made = Err(error);
                break;
            }
        }
    }
    let rounds_that_count = rounds.iter().filter(|round| round.counts).count();
    figures.passed &= rounds_that_count > args.runs as usize / 2;
    figures.cells.push(Cell {
        connections,
        payload_bytes: payload,
        rounds_that_count,
        median: Round::median(&rounds),
        rounds,
    });
    made
}

/// Makes one round and returns it as libc, inline, corecast. Each round begins with another
/// server, so that none always follows the same one.
fn play(
    number: u32,
    mut measure: impl FnMut(Server) -> Result<Measured, RunError>,
) -> Result<[Measured; 3], RunError> {
    let mut order = [Server::Libc, Server::Inline, Server::Corecast];
    order.rotate_left(number as usize % 3);
    let mut measured = [(); 3].map(|()| Measured::default());
    for server in order {
        measured[server as usize] = measure(server)?;
    }
    Ok(measured)
}

/// Starts a server, loads it and ends it.
fn measure(
    args: &RatioArgs,
    pinning: &Pinning,
    server: Server,
    (connections, payload): (u32, u32),
) -> Result<Measured, RunError> {
    let mut command = start(args, server)?;
    let spawned = pinning.on_server_cpu(|| Spawned::start(&mut command))?;
    let (pid, messages, http) = (spawned.pid(), args.messages, spawned.http);
    // The servers are ours, and have said that they listen. Samples would cost the same CPUs that
    // are compared here.
    let common = format!(
        "--no-preflight --server-pid {pid} --sample-every 0 --timeout 60 \
         --connections {connections} --messages {messages} --payload {payload}"
    );
    let load = match args.mode {
        FloorMode::Echo => format!("echo --url ws://{http}/echo"),
        _ if args.tcp => format!("fanout --url tcp://{}", spawned.tcp),
        _ => format!("fanout --url ws://{http}/sub/{{topic}}"),
    };
    let rate = args.rate.map(|rate| format!(" --rate {rate}"));
    let gather = args.gather.filter(|_| args.mode != FloorMode::Echo);
    let gather = gather.map(|gather| format!(" --gather {gather}"));
    let words = [
        "loadtest ".to_owned(),
        format!("{load} {common}"),
        rate.unwrap_or_default(),
        gather.unwrap_or_default(),
    ];
    let words: Vec<String> = words.concat().split(' ').map(str::to_owned).collect();
    match cli::command(&words)? {
        cli::Command::Echo(load) => {
            let found = load.run(load.setup()?)?;
            Ok(Measured::new(&json!(found), found.base.client))
        }
        cli::Command::Fanout(load) => {
            let found = load.run(load.setup()?)?;
            Ok(Measured::new(&json!(found), found.base.client))
        }
        _ => usage("only fanout and echo are compared"),
    }
}

fn start(args: &RatioArgs, server: Server) -> Result<Command, RunError> {
    let addresses = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"];
    let mut command;
    if server == Server::Corecast {
        command = Command::new(&args.corecast);
        command.arg("serve").args(addresses);
        command.args(["--shards", "1"]).env("RUST_LOG", "info");
    } else {
        let mode = match args.mode {
            FloorMode::Fanout => "fanout",
            FloorMode::Batch => "batch",
            FloorMode::Echo => "echo",
        };
        command = Command::new(env::current_exe()?);
        command.arg("floor").args(addresses);
        command.args(["--mode", mode, "--call", server.name()]);
    }
    Ok(command)
}

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::new(self.passed);
        let apart = match self.pinned {
            true => "a CPU for the server alone",
            false => "CPUs shared",
        };
        table.row("pinned", apart);
        for cell in &self.cells {
            let (connections, bytes) = (cell.connections, cell.payload_bytes);
            table.row("load", format!("{connections} connections, {bytes} B"));
            let with_times = self.rate_per_s.is_some();
            for round in &cell.rounds {
                round.tell("  round", with_times, &mut table);
            }
            let (count, all) = (cell.rounds_that_count, cell.rounds.len());
            table.row("  counted", format!("median of {count} of {all} rounds"));
            if let Some(median) = &cell.median {
                median.tell("  median", with_times, &mut table);
            }
        }
        if let Some(failure) = &self.failure {
            table.row("failed", failure);
        }
        table.warnings(&self.warnings);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_another_server_and_is_told_in_one_order() {
        let mut firsts = Vec::new();
        for number in 1..=3 {
            let mut order = Vec::new();
            let told = play(number, |server| {
                order.push(server);
                let mut measured = Measured::default();
                measured.side.deliveries_per_s = f64::from(server as u8);
                Ok(measured)
            });
            let told = told.unwrap().map(|measured| measured.side.deliveries_per_s);
            assert!(told.is_sorted() && told[0] < told[2], "{told:?}");
            firsts.push(order[0]);
        }
        assert_eq!(firsts, [Server::Inline, Server::Corecast, Server::Libc]);
    }
}
