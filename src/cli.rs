//! The command line of the `corecast` program.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Config, SlowConsumer};
use crate::limits::{MESSAGE_BYTES_CEILING, MESSAGE_BYTES_MAX, SHARDS_MAX};
use crate::relay::LOBBY;
use crate::server::{Server, ServerBuilder};

/// Message server: what one client publishes, every subscriber of the topic gets, in one order.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default)
    Serve(Serve),
}

/// What `corecast serve` takes.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Address for HTTP and WebSocket; port 0 takes a free one and logs it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Address for length-prefixed TCP (4-byte big-endian length, then the message)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    tcp: SocketAddr,
    /// The topic that all connections of the TCP port publish on and get
    #[arg(long, value_name = "NAME", default_value = LOBBY)]
    tcp_topic: String,
    /// Threads, each with its own event loop and its own limit of open files [default: cores]
    #[arg(long, value_name = "N", value_parser = shards)]
    shards: Option<usize>,
    /// What happens to a subscriber that is behind when the topic's log (1 MiB) is full
    #[arg(long, value_name = "POLICY", value_enum, default_value_t)]
    slow_consumer: Policy,
    /// Longest message in bytes, 1 to 16777216; a longer one closes the connection
    #[arg(long, value_name = "BYTES", default_value_t = MESSAGE_BYTES_MAX,
          value_parser = message_bytes)]
    max_message: usize,
    /// Most connections; more are answered with 503 [default: what the limit of open files allows]
    #[arg(long, value_name = "N", value_parser = connections)]
    max_connections: Option<usize>,
}

/// The policies as the command line spells them.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Policy {
    /// Goes on with the oldest message still kept
    #[default]
    DropOldest,
    /// Goes on with the newest message
    Latest,
    /// Keeps what it has not had and misses what comes after
    DropNewest,
    /// Is closed
    Disconnect,
}

impl Cli {
    /// What to serve.
    pub fn into_serve(self) -> Serve {
        match self.command {
            Some(Command::Serve(serve)) => serve,
            None => self.serve,
        }
    }
}

impl Serve {
    /// The most connections asked for.
    pub fn max_connections(&self) -> Option<usize> {
        self.max_connections
    }

    /// The server that the flags describe.
    pub fn builder(&self) -> ServerBuilder {
        let config = Config {
            message_bytes_max: self.max_message,
            slow_consumer: self.slow_consumer.into(),
            ..Config::default()
        };
        let mut builder = Server::builder()
            .http(self.http)
            .tcp(self.tcp, self.tcp_topic.as_str());
        if let Some(shards) = self.shards {
            builder = builder.shards(shards);
        }
        if let Some(connections) = self.max_connections {
            builder = builder.connections_max(connections);
        }
        builder.config(config)
    }
}

impl From<Policy> for SlowConsumer {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::DropOldest => Self::DropOldest,
            Policy::Latest => Self::Latest,
            Policy::DropNewest => Self::DropNewest,
            Policy::Disconnect => Self::Disconnect,
        }
    }
}

fn shards(arg: &str) -> Result<usize, String> {
    within(arg, SHARDS_MAX)
}

fn message_bytes(arg: &str) -> Result<usize, String> {
    within(arg, MESSAGE_BYTES_CEILING)
}

fn connections(arg: &str) -> Result<usize, String> {
    within(arg, usize::MAX)
}

fn within(arg: &str, max: usize) -> Result<usize, String> {
    let number = arg.parse().map_err(|err| format!("{err}"))?;
    if (1..=max).contains(&number) {
        Ok(number)
    } else {
        Err(format!("must be 1 to {max}"))
    }
}

const EXAMPLES: &str = "\
Paths: /ws/{topic} both ways, /sub/{topic} receiving, /pub/{topic} publishing, /echo, / a page to \
try it, /healthz.

Examples:
  corecast                                        serve on 127.0.0.1:8080 and :9000
  corecast serve --http 0.0.0.0:80 --shards 4     four shards, for the whole network
  corecast serve --tcp-topic sensors --slow-consumer latest

SIGTERM and SIGINT drain and exit with 0; a second one exits at once.
RUST_LOG=corecast=debug logs every connection's end.";
