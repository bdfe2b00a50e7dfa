//! The command line of the `corecast` program.

mod error;
#[cfg(feature = "auth")]
mod explain;
mod reload;
#[cfg(feature = "auth")]
mod token;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

pub use crate::cli::error::ConfigError;
use crate::settings::{self, FILE_VARIABLE, Input, PREFIX, Settings};

/// Message server: all subscribers of a topic receive its messages, in the same order.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve(Box<Serve>),
    /// Check, show and document the configuration
    Config {
        /// The command
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Tell a running server to read its configuration and all files again, by SIGHUP
    Reload(reload::Reload),
    /// Make and check tokens with the server's configuration
    #[cfg(feature = "auth")]
    Token {
        /// The command
        #[command(subcommand)]
        command: token::TokenCommand,
    },
}

/// The commands of `corecast config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Report all errors in a file and the environment; the exit code is 2 if there are any, else 0
    Check {
        /// The file [default: the one that CORECAST_CONFIG names]
        file: Option<PathBuf>,
    },
    /// Print the values in effect and the source of each; takes the flags of `serve`
    Print(Box<Serve>),
    /// Print the settings of a topic, and the rules that decide what a client may do with it; takes
    /// the flags of `serve`
    #[cfg(feature = "auth")]
    Explain(Box<explain::Explain>),
    /// Print a file with every key, its default and its description
    Default,
    /// Print the reference of all keys, docs/CONFIG.md
    Doc,
}

/// The flags of `corecast serve`.
///
/// Values are texts here. The table of keys checks them, so that their errors are reported together
/// with those of the file and the environment.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Configuration file; see `corecast config default` [default: CORECAST_CONFIG, or none]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for HTTP and WebSocket, or unix:/path; port 0 takes a free port and logs it
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address for length-prefixed TCP (4-byte big-endian length, then the message), or unix:/path
    /// [default: 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    tcp: Option<String>,
    /// Topic of the TCP port: its connections publish to it and receive from it [default: lobby]
    #[arg(long, value_name = "NAME")]
    tcp_topic: Option<String>,
    /// What connections of the TCP port may do: both, publish (they receive nothing) or subscribe
    /// (a connection that publishes is closed) [default: both]
    #[arg(long, value_name = "ROLE")]
    tcp_role: Option<String>,
    /// Number of threads, each with its own event loop and limit of open files [default: one for
    /// each CPU core]
    #[arg(long, value_name = "N")]
    shards: Option<String>,
    /// What happens to a slow subscriber when the topic's log is full: drop-oldest, latest,
    /// drop-newest or disconnect [default: drop-oldest]
    #[arg(long, value_name = "POLICY")]
    slow_consumer: Option<String>,
    /// Maximum message length, up to 16MiB; a longer message closes its connection [default: 1MiB]
    #[arg(long, value_name = "SIZE")]
    max_message: Option<String>,
    /// Maximum number of connections; above it, HTTP requests get status 503 and TCP connections
    /// are closed [default: as many as the limit of open files allows]
    #[arg(long, value_name = "N")]
    max_connections: Option<String>,
    /// Address of the admin port: /metrics, /livez, /readyz [default: off]
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// Let every client do everything, also on addresses that other hosts reach [default: false]
    #[arg(long, value_name = "SWITCH", num_args = 0..=1, default_missing_value = "true")]
    insecure: Option<String>,
}

impl Cli {
    /// The command to run.
    pub fn into_command(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

impl Command {
    /// Runs a command that only prints, and writes its output to `out`; gives back one that serves.
    ///
    /// # Errors
    ///
    /// The configuration is invalid, or what the command is about.
    pub fn print(self, out: &mut impl Write) -> Result<Option<Box<Serve>>, ConfigError> {
        let text = match self {
            Self::Serve(serve) => return Ok(Some(serve)),
            Self::Config { command } => command.output(),
            Self::Reload(reload) => reload.output(),
            #[cfg(feature = "auth")]
            Self::Token { command } => command.output(),
        }?;
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            // The reader has closed the pipe and wants no more.
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(ConfigError::Output(err)),
            _ => Ok(None),
        }
    }
}

impl ConfigCommand {
    fn output(&self) -> Result<String, ConfigError> {
        Ok(match self {
            Self::Check { file } => {
                checked(load(file.clone(), Vec::new())?)?;
                "the configuration is valid\n".to_owned()
            }
            Self::Print(serve) => serve.settings()?.print(),
            #[cfg(feature = "auth")]
            Self::Explain(explain) => explain.output()?,
            Self::Default => settings::default_file(),
            Self::Doc => settings::reference(),
        })
    }
}

impl Serve {
    /// The settings of file, environment and flags, with the files that they name checked.
    ///
    /// # Errors
    ///
    /// The configuration is invalid, or a file that it names cannot be used.
    pub fn checked_settings(&self) -> Result<Settings, ConfigError> {
        self.settings().and_then(checked)
    }

    /// The settings of file, environment and flags.
    ///
    /// # Errors
    ///
    /// The configuration is invalid.
    fn settings(&self) -> Result<Settings, ConfigError> {
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
            ("--insecure", &self.insecure),
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
        Some(path) => read(path)?,
        None => String::new(),
    };
    let name = path.as_ref().map(|path| path.display().to_string());
    // No value that is not UTF-8 is valid; it is reported as the nearest text.
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

fn checked(settings: Settings) -> Result<Settings, ConfigError> {
    settings.check_files().map_err(ConfigError::Problems)?;
    Ok(settings)
}

/// The text of a file.
fn read(path: &Path) -> Result<String, ConfigError> {
    let bytes = fs::read(path).map_err(|err| ConfigError::File(path.to_owned(), err))?;
    String::from_utf8(bytes).map_err(|err| {
        let before = &err.as_bytes()[..err.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ConfigError::NoText(path.to_owned(), line)
    })
}

const EXAMPLES: &str = "\
Paths of the HTTP port:
  /                   a demo page
  /ws/{topic}         WebSocket: publish to the topic and receive from it
  /sub/{topic}        WebSocket: receive only
  /pub/{topic}        WebSocket: publish only
  /sse/{topic}        server-sent events: receive only, for EventSource and curl -N
  /api/publish, /api/broadcast, /api/batch
                      POST: publish from a backend with the API key (CORECAST_API_KEY)
  /connection/websocket
                      WebSocket: the structured protocol, for SDKs of Centrifuge
  /echo               WebSocket: the server sends every message back
  /healthz            status 200 while the server runs

Examples:
  corecast                                        serve on 127.0.0.1:8080 and 127.0.0.1:9000
  corecast serve --http 0.0.0.0:8080 --insecure   on all IPv4 addresses, for everyone
  corecast serve --tcp-topic sensors --slow-consumer latest
  CORECAST_API_KEY=secret corecast                backends with this key may publish
  corecast config default > corecast.toml         write a file with every key
  corecast serve --config corecast.toml           use this file

Signals: SIGTERM and SIGINT drain the server, which then exits with code 0; after a second one it \
exits at once, with code 1. SIGHUP (`corecast reload`) loads configuration and files again. \
RUST_LOG=corecast=debug logs the end of every connection.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The names of the flags of `corecast serve`.
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
