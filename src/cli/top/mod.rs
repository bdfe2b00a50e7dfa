//! `corecast top`: what a server does, as it does it.

mod answers;
mod ask;
mod live;
mod numbers;
mod page;
mod screen;
mod view;

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use clap::{Args, ValueEnum};
use rustix::event::{Timespec, poll};

use crate::cli::Failure;
use crate::cli::dial::token::TokenFlags;
use crate::cli::dial::{clock, time};
use crate::cli::stop::Stop;
use crate::cli::top::answers::Stats;
use crate::cli::top::ask::{Admin, Trouble};
use crate::cli::top::page::{Notes, ROW_HEADING, Size, page, row};
use crate::cli::top::view::View;

/// The flags of `corecast top`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Top {
    /// The admin port: HOST:PORT, or its URL
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    admin: String,
    #[command(flatten)]
    token: TokenFlags,
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Which topics are the first
    #[arg(long, value_enum, value_name = "ORDER", default_value_t)]
    sort: Order,
    /// Look twice, an interval apart, print everything, and end
    #[arg(long)]
    once: bool,
    /// Print each look as an object on a line, with rates from the second one on
    #[arg(long)]
    json: bool,
}

/// The order of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Order {
    /// Messages per second
    #[default]
    Rate,
    Subscribers,
    Backlog,
    /// Messages since the topic has subscribers
    Messages,
}

impl Order {
    /// As the admin port calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Subscribers => "subscribers",
            Self::Backlog => "backlog",
            Self::Messages => "messages",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Rate => "MESSAGES/S",
            Self::Subscribers => "SUBSCRIBERS",
            Self::Backlog => "BACKLOG",
            Self::Messages => "MESSAGES",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Rate => Self::Subscribers,
            Self::Subscribers => Self::Backlog,
            Self::Backlog => Self::Messages,
            Self::Messages => Self::Rate,
        }
    }
}

impl Top {
    /// Looks until the command is to end.
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        let mut admin = Admin::new(&self.admin, self.token.clone())?;
        let stop = Stop::register()?;
        let first = admin.stats()?;
        let is_live = !self.once && !self.json && screen::is_possible();
        let notes = Notes {
            address: self.admin.clone(),
            keys: is_live,
            order: self.sort,
            ..Notes::default()
        };
        if is_live {
            return live::run(&admin, first, notes, self.interval, &stop);
        }
        match self.print(&mut admin, first, &notes, &stop) {
            // The reader wants no more.
            Err(Printing::Output(err)) if err.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(Printing::Output(err)) => {
                Err(Failure::failed(format!("cannot write the output: {err}")))
            }
            Err(Printing::Failed(failure)) => Err(failure),
            Ok(()) => Ok(()),
        }
    }

    /// Prints looks, one after the other.
    fn print(
        &self,
        admin: &mut Admin,
        first: Stats,
        notes: &Notes,
        stop: &Stop,
    ) -> Result<(), Printing> {
        let needs_lists = self.once || self.json;
        if needs_lists {
            // The rates of topics are those since this.
            admin.lists(self.sort).map_err(Failure::from)?;
        }
        let mut before = first;
        let mut printed = 0;
        while !pause(self.interval, stop) {
            let stats = match admin.stats() {
                Ok(stats) => stats,
                Err(Trouble::Later(why)) if !self.once => {
                    tell(&format!("{why}; asking again"))?;
                    continue;
                }
                Err(trouble) => return Err(Failure::from(trouble).into()),
            };
            let mut view = View::of(&stats, Some(&before));
            before = stats;
            if needs_lists {
                match admin.lists(self.sort) {
                    Ok(lists) => view = view.with(lists),
                    Err(Trouble::Later(why)) => tell(&why)?,
                    Err(trouble) => return Err(Failure::from(trouble).into()),
                }
            }
            self.print_one(&view, notes, printed)?;
            if self.once {
                break;
            }
            printed += 1;
        }
        Ok(())
    }

    fn print_one(&self, view: &View, notes: &Notes, printed: usize) -> io::Result<()> {
        let mut text = String::new();
        if self.json {
            text = serde_json::to_string(view)? + "\n";
        } else if self.once {
            for line in page(view, notes, Size::PAPER) {
                text += line.text.trim_end();
                text.push('\n');
            }
        } else {
            if printed.is_multiple_of(ROWS_PER_HEADING) {
                text = format!("{ROW_HEADING}\n");
            }
            text += &row(view);
            text.push('\n');
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Why no more is printed.
enum Printing {
    Output(io::Error),
    Failed(Failure),
}

impl From<io::Error> for Printing {
    fn from(err: io::Error) -> Self {
        Self::Output(err)
    }
}

impl From<Failure> for Printing {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn tell(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "corecast: {text}")
}

/// Waits; whether a signal asks to end.
fn pause(time: Duration, stop: &Stop) -> bool {
    let end = clock() + time;
    while !stop.is_asked() {
        let left = end.saturating_duration_since(clock()).min(SIGNAL_PATIENCE);
        if left.is_zero() {
            return false;
        }
        // A signal ends this.
        if let Ok(left) = Timespec::try_from(left) {
            poll(&mut [], Some(&left)).ok();
        }
    }
    true
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = time(text)?;
    let is_in = (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval);
    is_in
        .then_some(interval)
        .ok_or_else(|| "must be from 100ms to 1h".to_owned())
}

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(3_600);
/// A signal that comes just before a wait is seen after this.
const SIGNAL_PATIENCE: Duration = Duration::from_millis(200);
const ROWS_PER_HEADING: usize = 20;

const EXAMPLES: &str = "\
Keys: q ends, s changes the order of topics. Without a terminal, each look is a line.

Examples:
  corecast top                                          the server of this host
  corecast top --admin 10.0.0.7:9090 --token-file token    another one, by its admin.token
  corecast top --once                                   everything, as text
  corecast top --json --interval 10s >> top.jsonl       for a program

The server needs --admin (docs/ADMIN.md). The token may also be in CORECAST_ADMIN_TOKEN.";
