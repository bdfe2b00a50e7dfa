//! `corecast sub`: prints the messages of topics as they come.

mod line;
mod output;
mod raw;
mod run;
mod said;
mod session;
mod since;

use clap::Args;

use crate::cli::Failure;
use crate::cli::dial::{Dial, Protocol};
use crate::cli::sub::line::Format;
use crate::cli::sub::raw::Raw;
use crate::cli::sub::run::{Reading, Subscriber, Tokens};
use crate::cli::sub::session::Session;
use crate::cli::sub::since::Since;

/// The flags of `corecast sub`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Sub {
    /// The topics. Several of them, and patterns (sensor:+/temp, sensor:#), use the structured
    /// protocol. Over TCP the listener decides the topic: write -
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// First get earlier messages, if the topic has a history: earliest (all that are kept), last=N
    /// (the newest N), or EPOCH:OFFSET (those after this position)
    #[arg(long, value_name = "WHERE", value_parser = since::parse)]
    since: Option<Since>,
    /// End after this many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print each message as an object: topic, offset, epoch, time (when it came), kind (text or
    /// binary), data (binary as base64)
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Print the bytes of each message as they are, and a line feed
    #[arg(long)]
    raw: bool,
    /// Do not tell of connections, reconnects and gaps
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    dial: Dial,
}

impl Sub {
    /// Prints messages until the command is to end.
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        let base = self.dial.base()?;
        let (reading, builder) = match &self.topics[..] {
            [topic] if self.protocol() == Protocol::Raw => {
                let (raw, builder) = Raw::new(&self.dial, &base, topic, self.since)?;
                (Reading::Raw(raw), builder)
            }
            topics => {
                let renews = self.dial.token.renews();
                let session = Session::new(topics, self.since, renews);
                let tokens = Tokens::new(self.dial.token.clone());
                let reading = Reading::Session(Box::new(session), tokens);
                (reading, self.dial.session_client()?)
            }
        };
        Subscriber::new(self, reading, builder)?.run()
    }

    fn protocol(&self) -> Protocol {
        let needs_session = 1 < self.topics.len() || self.has_pattern();
        let usual = if needs_session {
            Protocol::Structured
        } else {
            Protocol::Raw
        };
        self.dial.protocol.unwrap_or(usual)
    }

    /// Whether one of the topics has a level that stands for others.
    fn has_pattern(&self) -> bool {
        let mut levels = self.topics.iter().flat_map(|topic| topic.split(['/', ':']));
        levels.any(|level| matches!(level, "+" | "#"))
    }

    fn format(&self) -> Format {
        match (self.json, self.raw) {
            (true, _) => Format::Json,
            (_, true) => Format::Raw,
            _ => Format::Line {
                with_topic: 1 < self.topics.len() || self.has_pattern(),
            },
        }
    }
}

const EXAMPLES: &str = "\
Each message is one line: text with its control characters escaped (\\n, \\u{1b}), binary as \
base64. Of several topics, or of a pattern, the topic and a tab come first. If the connection is \
lost, the command connects again after a random time, and in a topic with a history gets what it \
has missed. Standard error tells of that, and of gaps.

Ctrl-C and SIGTERM end it, and so does a closed pipe.

Exit codes: 0 it has ended as asked; 1 the server refuses it, or cannot be reached; 2 wrong flags \
or files.

Examples:
  corecast sub lobby                              what is published from now on
  corecast sub lobby --since last=10 --json       the newest ten and what follows, as objects
  corecast sub lobby --count 1 --raw > message    one message as it is
  corecast sub 'sensor:+/temp' news               several topics, and patterns
  corecast sub news --url wss://example.com --token-command 'pass show news'
  corecast sub - --url tcp://127.0.0.1:9000       over TCP";
