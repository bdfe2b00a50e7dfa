//! The command line of the `corecast` program.

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::{self, FILE_VARIABLE, Input, PREFIX, Problem, Settings};

/// Message server: what one client publishes, every subscriber of the topic gets, in one order.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What the program is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve (the default)
    Serve(Box<Serve>),
    /// Check, show and document the configuration
    Config {
        /// What to do with it
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// What `corecast config` does.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say all that is wrong with a file and the environment; the exit code is 0 or 2
    Check {
        /// The file [default: that of CORECAST_CONFIG]
        file: Option<PathBuf>,
    },
    /// Print the values in effect, each with where it comes from; takes the flags of `serve`
    Print(Box<Serve>),
    /// Print a file with every key, its default and what it is
    Default,
    /// Print the reference of all keys, docs/CONFIG.md
    Doc,
}

/// What `corecast serve` takes.
///
/// Values are texts here: what they may be is in the table of keys, and what is wrong with them
/// is told together with what is wrong elsewhere.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// File to read; see `corecast config default` [default: that of CORECAST_CONFIG, or none]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for HTTP and WebSocket, or unix:/path; port 0 takes a free one and logs it
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address for length-prefixed TCP (4-byte big-endian length, then the message), or unix:/path
    /// [default: 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    tcp: Option<String>,
    /// The topic that all connections of the TCP port publish on and get [default: lobby]
    #[arg(long, value_name = "NAME")]
    tcp_topic: Option<String>,
    /// What connections of the TCP port are for: both, publish (they are sent nothing, and need
    /// not read) or subscribe (one that publishes is closed) [default: both]
    #[arg(long, value_name = "ROLE")]
    tcp_role: Option<String>,
    /// Threads, each with its own event loop and its own limit of open files [default: cores]
    #[arg(long, value_name = "N")]
    shards: Option<String>,
    /// What happens to a subscriber that is behind when the topic's log is full: drop-oldest,
    /// latest, drop-newest or disconnect [default: drop-oldest]
    #[arg(long, value_name = "POLICY")]
    slow_consumer: Option<String>,
    /// Longest message, up to 16MiB; a longer one closes the connection [default: 1MiB]
    #[arg(long, value_name = "BYTES")]
    max_message: Option<String>,
    /// Most connections; more are answered with 503 [default: what the limit of open files allows]
    #[arg(long, value_name = "N")]
    max_connections: Option<String>,
    /// Address for operators: /metrics, /livez, /readyz [default: off]
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
}

/// All that is wrong with a configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    File(PathBuf, io::Error),
    /// It can be read, and says what cannot be.
    Problems(Vec<Problem>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, err) => write!(f, "cannot read {}: {err}", path.display()),
            Self::Problems(problems) => {
                let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl Cli {
    /// What to do.
    pub fn into_command(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

impl ConfigCommand {
    /// Does it; what there is to read goes to `out`.
    ///
    /// # Errors
    ///
    /// The configuration is wrong.
    pub fn run(&self, out: &mut impl Write) -> Result<(), ConfigError> {
        let text = match self {
            Self::Check { file } => {
                load(file.clone(), Vec::new())?;
                "the configuration is right\n".to_owned()
            }
            Self::Print(serve) => serve.settings()?.print(),
            Self::Default => settings::default_file(),
            Self::Doc => settings::reference(),
        };
        // Whoever closed the other end wants no more of it.
        let _closed = out.write_all(text.as_bytes());
        Ok(())
    }
}

impl Serve {
    /// The settings of file, environment and flags.
    ///
    /// # Errors
    ///
    /// The configuration is wrong.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        load(self.config.clone(), self.flags())
    }

    /// The flags that were given.
    fn flags(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("--http", &self.http),
            ("--tcp", &self.tcp),
            ("--tcp-topic", &self.tcp_topic),
            ("--tcp-role", &self.tcp_role),
            ("--shards", &self.shards),
            ("--slow-consumer", &self.slow_consumer),
            ("--max-message", &self.max_message),
            ("--max-connections", &self.max_connections),
            ("--admin", &self.admin),
        ];
        let given = flags.into_iter();
        given
            .filter_map(|(flag, value)| Some((flag, value.clone()?)))
            .collect()
    }
}

fn load(
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
) -> Result<Settings, ConfigError> {
    let named = env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty());
    let path = file.or_else(|| named.map(PathBuf::from));
    let text = match &path {
        Some(path) => {
            let text = fs::read_to_string(path);
            text.map_err(|err| ConfigError::File(path.clone(), err))?
        }
        None => String::new(),
    };
    let name = path.as_ref().map(|path| path.display().to_string());
    // What is no UTF-8 is no value of ours; it is reported as the text it is like.
    let env = env::vars_os().map(|(name, value)| {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        (text(name), text(value))
    });
    let input = Input {
        file: name.as_deref().map(|name| (name, text.as_str())),
        env: env.filter(|(name, _)| name.starts_with(PREFIX)).collect(),
        flags,
    };
    Settings::load(&input).map_err(ConfigError::Problems)
}

const EXAMPLES: &str = "\
Paths: /ws/{topic} both ways, /sub/{topic} receiving, /pub/{topic} publishing, /echo, / a page to \
try it, /healthz.

Examples:
  corecast                                        serve on 127.0.0.1:8080 and :9000
  corecast serve --http 0.0.0.0:80 --shards 4     four shards, for the whole network
  corecast serve --tcp-topic sensors --slow-consumer latest
  corecast serve --config corecast.toml           see docs/CONFIG.md

SIGTERM and SIGINT drain and exit with 0; a second one exits at once. SIGHUP loads the files of \
TLS again.
RUST_LOG=corecast=debug logs every connection's end.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// What the flags of `corecast serve` are called.
    fn flags_of_serve() -> Vec<String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let longs = serve.get_arguments().filter_map(|arg| arg.get_long());
        longs.map(|long| format!("--{long}")).collect()
    }

    #[test]
    fn every_flag_of_a_key_is_there_and_reaches_it() {
        let flags = flags_of_serve();
        for flag in settings::flags() {
            assert!(flags.iter().any(|known| known == flag), "{flag}");
            let cli = Cli::try_parse_from(["corecast", flag, "value"]).unwrap();
            let Command::Serve(serve) = cli.into_command() else {
                panic!("serving is the default");
            };
            assert_eq!(serve.flags(), [(flag, "value".to_owned())]);
        }
        // And no other but the file's.
        assert_eq!(flags.len(), settings::flags().count() + 1, "{flags:?}");
    }
}
