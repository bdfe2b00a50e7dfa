//! Corecast beside both yardsticks: the same load on each in turn, round after round, as ratios.
//!
//! The speed of a host drifts by more than what is to be measured, so only runs of one round are
//! compared, and the median of the rounds is told.

pub(crate) mod cli;
mod round;
mod side;

use std::env;
use std::process::Command;

use serde::Serialize;

use crate::broadcast::cli::FanoutArgs;
use crate::echo::EchoArgs;
use crate::flags::{ClientArgs, DeadlineArgs, TopicArgs};
use crate::floor::cli::FloorMode;
use crate::leader::RunError;
use crate::message::Filler;
use crate::pin::Pinning;
use crate::ratio::cli::RatioArgs;
use crate::ratio::round::{Round, Rules};
use crate::ratio::side::Measured;
use crate::report::{Findings, Table};
use crate::scene::Scenario;
use crate::spawned::Spawned;
use crate::warning::Warning;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Nothing failed and of every cell most rounds count.
    pub(crate) passed: bool,
    /// Server and client had CPUs of their own.
    pub(crate) pinned: bool,
    /// Messages per second, where there was a schedule.
    pub(crate) rate_per_s: Option<f64>,
    pub(crate) cells: Vec<Cell>,
    /// Why not all cells and rounds are there.
    pub(crate) failure: Option<String>,
    pub(crate) warnings: Vec<Warning>,
}

/// One number of connections with one length of messages.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) connections: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) rounds: Vec<Round>,
    pub(crate) rounds_that_count: usize,
    /// Over the rounds that count.
    pub(crate) median: Option<Round>,
}

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

const TIMEOUT_S: f64 = 60.0;

/// Sees that what is asked for is possible.
pub(crate) fn check(args: &RatioArgs) -> Result<(), RunError> {
    if !args.corecast.exists() {
        let program = args.corecast.display();
        let text = format!("--corecast {program}: there is no such file; build it first");
        return Err(RunError::Usage(text));
    }
    let usage = |text: &str| Err(RunError::Usage(text.to_owned()));
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
        match compare(args, pinning, connections, payload, &mut figures) {
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
    connections: u32,
    payload: u32,
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
            let measured = measure(args, pinning, server, connections, payload)?;
            let run = format!(
                "round {number}, {connections} x {payload} B, {}",
                server.name()
            );
            let doubts = measured.doubts().into_iter();
            figures
                .warnings
                .extend(doubts.map(|text| Warning::note("round", format!("{run}: {text}"))));
            let is_floor = rules.is_fanout && server != Server::Corecast;
            if is_floor && measured.side().is_floor_too_busy() {
                let share = measured.side().user_text();
                let text = format!("{run}: {share} of the floor's time is in user space");
                figures.warnings.push(Warning::note("floor-busy", text));
            }
            figures.passed &= measured.passed;
            Ok(measured)
        });
        match result {
            Ok([libc, inline, corecast]) => {
                rounds.push(Round::new(rules, &libc, &inline, &corecast));
            }
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
    connections: u32,
    payload: u32,
) -> Result<Measured, RunError> {
    let mut command = command(args, server)?;
    let spawned = pinning.on_server_cpu(|| Spawned::start(&mut command))?;
    let client = ClientArgs {
        // The servers are ours, and have said that they listen.
        no_preflight: true,
        server_pid: Some(spawned.pid()),
        timeout: TIMEOUT_S,
        // Samples would cost the same CPUs that are compared here.
        sample_every: Some(0.0),
        ..ClientArgs::default()
    };
    if args.mode == FloorMode::Echo {
        let url = vec![format!("ws://{}/echo", spawned.http)];
        let messages = args.messages;
        let args = EchoArgs {
            url,
            connections,
            messages,
            payload,
            phase: DeadlineArgs::default(),
            client,
        };
        let figures = args.run()?;
        let server = figures.server.unwrap_or_default();
        return Ok(Measured {
            passed: figures.base.passed,
            server,
            client: figures.base.client,
            latency: figures.latency,
            lateness: None,
            deliveries_per_s: figures.round_trips_per_s,
        });
    }
    let url = if args.tcp {
        format!("tcp://{}", spawned.tcp)
    } else {
        format!("ws://{}/sub/{{topic}}", spawned.http)
    };
    let args = FanoutArgs {
        at: TopicArgs {
            url: vec![url],
            topic: None,
        },
        publish_url: Vec::new(),
        connections,
        publishers: 1,
        messages: args.messages,
        payload,
        rate: args.rate,
        duration: None,
        hold: 0.0,
        pss_at: Vec::new(),
        deflate: false,
        filler: Filler::default(),
        gather: args.gather,
        phase: DeadlineArgs::default(),
        client,
    };
    let figures = args.run()?;
    let server = figures.server.unwrap_or_default();
    Ok(Measured {
        passed: figures.base.passed,
        server,
        client: figures.base.client,
        latency: figures.latency,
        lateness: figures.lateness,
        deliveries_per_s: figures.deliveries_per_s,
    })
}

fn command(args: &RatioArgs, server: Server) -> Result<Command, RunError> {
    let addresses = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"];
    if server == Server::Corecast {
        let mut command = Command::new(&args.corecast);
        command
            .arg("serve")
            .args(addresses)
            .args(["--shards", "1"])
            .env("RUST_LOG", "info");
        return Ok(command);
    }
    let mode = match args.mode {
        FloorMode::Fanout => "fanout",
        FloorMode::Batch => "batch",
        FloorMode::Echo => "echo",
    };
    let mut command = Command::new(env::current_exe()?);
    command
        .arg("floor")
        .args(addresses)
        .args(["--mode", mode, "--call", server.name()]);
    Ok(command)
}

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::default();
        table.result(self.passed);
        let apart = if self.pinned {
            "a CPU for the server alone"
        } else {
            "CPUs shared"
        };
        table.row("pinned", apart.to_owned());
        for cell in &self.cells {
            let Cell {
                connections,
                payload_bytes,
                rounds,
                rounds_that_count,
                median,
            } = cell;
            table.row(
                "load",
                format!("{connections} connections, {payload_bytes} B"),
            );
            let with_times = self.rate_per_s.is_some();
            for round in rounds {
                round.tell("  round", with_times, &mut table);
            }
            table.row(
                "  counted",
                format!("median of {rounds_that_count} of {} rounds", rounds.len()),
            );
            if let Some(median) = median {
                median.tell("  median", with_times, &mut table);
            }
        }
        if let Some(failure) = &self.failure {
            table.row("failed", failure.clone());
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
                Ok(Measured {
                    deliveries_per_s: f64::from(server as u8),
                    ..Measured::default()
                })
            });
            let told = told.unwrap().map(|measured| measured.deliveries_per_s);
            assert!(told.is_sorted() && told[0] < told[2], "{told:?}");
            firsts.push(order[0]);
        }
        assert_eq!(firsts, [Server::Inline, Server::Corecast, Server::Libc]);
    }
}
