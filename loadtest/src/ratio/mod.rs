//! Corecast beside both yardsticks: the same load on each in turn, round after round, as ratios.
//!
//! The speed of a host drifts by more than what is to be measured, so only runs of one round are
//! compared, and the median of the rounds is told.

mod round;

use std::env;
use std::process::Command;

use serde::Serialize;

use crate::cli::{ClientArgs, EchoArgs, FanoutArgs, FloorMode, RatioArgs};
use crate::leader::RunError;
use crate::pin::Pinning;
use crate::ratio::round::{Measured, Round};
use crate::report::{Table, Warning};
use crate::spawned::Spawned;
use crate::{echo, fanout};

/// All that was compared.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Nothing failed and every cell has a round that counts.
    pub(crate) passed: bool,
    /// Server and client had CPUs of their own.
    pub(crate) pinned: bool,
    pub(crate) cells: Vec<Cell>,
    pub(crate) warnings: Vec<String>,
}

/// One number of connections with one length of messages.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) connections: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) rounds: Vec<Round>,
    /// Over the rounds that count.
    pub(crate) median: Option<Round>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Libc,
    Inline,
    Corecast,
}

const TIMEOUT_S: f64 = 60.0;

/// Makes all runs.
///
/// # Errors
///
/// Flags that do not go together, a server that does not start, or a failure on this side.
pub(crate) fn run(args: &RatioArgs) -> Result<Figures, RunError> {
    let usage = |text: &str| Err(RunError::Usage(text.to_owned()));
    if args.mode == FloorMode::Echo && (args.tcp || args.rate.is_some()) {
        return usage("--mode echo goes with neither --tcp nor --rate");
    }
    if args.mode == FloorMode::Batch && args.rate.is_none() {
        return usage("--mode batch wants --rate: there is nothing to batch otherwise");
    }
    let pinning = Pinning::new(!args.no_pin)?;
    pinning.take_client_cpus()?;
    let mut figures = Figures {
        passed: true,
        pinned: pinning.is_apart(),
        cells: Vec::new(),
        warnings: Vec::new(),
    };
    for connections in &args.connections {
        for payload in &args.payload {
            let cell = compare(args, &pinning, *connections, *payload, &mut figures)?;
            figures.passed &= cell.median.is_some();
            figures.cells.push(cell);
        }
    }
    Ok(figures)
}

fn compare(
    args: &RatioArgs,
    pinning: &Pinning,
    connections: u32,
    payload: u32,
    figures: &mut Figures,
) -> Result<Cell, RunError> {
    let mut rounds = Vec::new();
    for number in 1..=args.runs {
        let mut measure = |server| -> Result<Measured, RunError> {
            let measured = measure(args, pinning, server, connections, payload)?;
            let mut note = |text: &str| {
                let run =
                    format!("round {number}, {connections} x {payload} B, {server:?}: {text}");
                figures.warnings.push(run);
            };
            if !measured.passed {
                note("the run failed; make it alone to see how");
                figures.passed = false;
            }
            Warning::find(&measured.client, None)
                .iter()
                .for_each(|warning| note(&warning.text()));
            Ok(measured)
        };
        let (libc, inline, corecast) = (
            measure(Server::Libc)?,
            measure(Server::Inline)?,
            measure(Server::Corecast)?,
        );
        rounds.push(Round::new(&libc, &inline, &corecast));
    }
    let median = Round::median(&rounds);
    Ok(Cell {
        connections,
        payload_bytes: payload,
        rounds,
        median,
    })
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
        server_pid: Some(spawned.pid()),
        timeout: TIMEOUT_S,
        ..ClientArgs::default()
    };
    if args.mode == FloorMode::Echo {
        let url = vec![format!("ws://{}/echo", spawned.http)];
        let messages = args.messages;
        let figures = echo::run(&EchoArgs {
            url,
            connections,
            messages,
            payload,
            client,
        })?;
        let server = figures.server.unwrap_or_default();
        return Ok(Measured {
            passed: figures.passed,
            server,
            client: figures.client,
        });
    }
    let url = if args.tcp {
        format!("tcp://{}", spawned.tcp)
    } else {
        format!("ws://{}/sub/{{topic}}", spawned.http)
    };
    let figures = fanout::run(&FanoutArgs {
        url: vec![url],
        publish_url: Vec::new(),
        topic: None,
        connections,
        publishers: 1,
        messages: args.messages,
        payload,
        rate: args.rate,
        duration: None,
        hold: 0.0,
        pss_at: Vec::new(),
        gather: args.gather,
        client,
    })?;
    let server = figures.server.unwrap_or_default();
    Ok(Measured {
        passed: figures.passed,
        server,
        client: figures.client,
    })
}

fn command(args: &RatioArgs, server: Server) -> Result<Command, RunError> {
    let addresses = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"];
    let call = match server {
        Server::Corecast => {
            let mut command = Command::new(&args.corecast);
            command
                .arg("serve")
                .args(addresses)
                .args(["--shards", "1"])
                .env("RUST_LOG", "info");
            return Ok(command);
        }
        Server::Libc => "libc",
        Server::Inline => "inline",
    };
    let mode = match args.mode {
        FloorMode::Fanout => "fanout",
        FloorMode::Batch => "batch",
        FloorMode::Echo => "echo",
    };
    let mut command = Command::new(env::current_exe()?);
    command
        .arg("floor")
        .args(addresses)
        .args(["--mode", mode, "--call", call]);
    Ok(command)
}

impl Figures {
    /// As lines for people.
    pub(crate) fn table(&self) -> Table {
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
                median,
            } = cell;
            table.row(
                "load",
                format!("{connections} connections, {payload_bytes} B"),
            );
            rounds
                .iter()
                .for_each(|round| table.row("  round", round.text()));
            let median = median.map_or("no round counts".to_owned(), |median| median.text());
            table.row("  median", median);
        }
        table.warnings(&self.warnings);
        table
    }
}
