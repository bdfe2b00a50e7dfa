//! The command line of the `corecast` program.

mod dial;
mod doctor;
mod error;
#[cfg(feature = "auth")]
mod explain;
mod failure;
mod manual;
mod publish;
mod reload;
mod serve;
mod stop;
mod sub;
#[cfg(feature = "auth")]
mod token;
#[cfg(feature = "auth")]
mod top;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

pub use crate::cli::error::ConfigError;
pub use crate::cli::failure::Failure;
pub use crate::cli::serve::Serve;
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
    /// Receive the messages of topics, and print them
    Sub(Box<sub::Sub>),
    /// Publish messages to a topic
    Pub(Box<publish::Pub>),
    /// Show what a running server does, as it does it: totals, shards, slow consumers, topics
    #[cfg(feature = "auth")]
    Top(Box<top::Top>),
    /// Find what stands in the way of many connections on this host, and set it right; takes the
    /// flags of `serve`
    Doctor(Box<doctor::Doctor>),
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
    /// Print the completions of a shell
    Completions(manual::Completions),
    /// Print a page of the manual, or write all of them
    Man(manual::Manual),
}

/// What is to be done after a command has printed.
#[derive(Debug)]
pub enum Next {
    /// Serve.
    Serve(Box<Serve>),
    /// Exit with this code.
    Exit(u8),
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

impl Cli {
    /// The command to run.
    pub fn into_command(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

impl Command {
    /// Runs a command to its end, which writes its output to `out`; gives back one that serves, or
    /// the exit code.
    ///
    /// # Errors
    ///
    /// The configuration is invalid, or what the command is about.
    pub fn run(self, out: &mut impl Write) -> Result<Next, Failure> {
        let mut code = 0;
        let text = match self {
            Self::Serve(serve) => return Ok(Next::Serve(serve)),
            Self::Sub(sub) => return sub.run().map(|()| Next::Exit(0)),
            Self::Pub(publish) => return publish.run().map(|()| Next::Exit(0)),
            #[cfg(feature = "auth")]
            Self::Top(top) => return top.run().map(|()| Next::Exit(0)),
            Self::Doctor(doctor) => {
                let (text, found) = doctor.output()?;
                code = found;
                Ok(text)
            }
            Self::Config { command } => command.output(),
            Self::Reload(reload) => reload.output(),
            Self::Completions(completions) => Ok(completions.output()),
            Self::Man(manual) => Ok(manual.output()?),
            #[cfg(feature = "auth")]
            Self::Token { command } => command.output(),
        }?;
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            // The reader has closed the pipe and wants no more.
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
                Err(ConfigError::Output(err).into())
            }
            _ => Ok(Next::Exit(code)),
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
