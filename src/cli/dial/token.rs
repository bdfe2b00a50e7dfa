//! Where a command has its token from.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;

/// The flags of a token.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub(in crate::cli) struct TokenFlags {
    /// Connect with this token; other users of the host may see it: prefer one of the next two
    #[arg(long, value_name = "TOKEN", help_heading = HEADING)]
    token: Option<String>,
    /// Connect with the token in this file, which is read again for each attempt
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    token_file: Option<PathBuf>,
    /// Connect with the token that this shell command prints; it runs again for each attempt, so a
    /// token that has expired is replaced
    #[arg(long, value_name = "COMMAND", help_heading = HEADING)]
    token_command: Option<String>,
}

pub(super) const HEADING: &str = "Connection";

type MakeError = Box<dyn Error + Send + Sync>;

impl TokenFlags {
    /// Whether there is one.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.token.is_some() || self.renews()
    }

    /// Whether the next attempt may have another token.
    pub(in crate::cli) fn renews(&self) -> bool {
        self.token_file.is_some() || self.token_command.is_some()
    }

    /// The token of one attempt, if there is one.
    pub(in crate::cli) fn make(&self) -> Result<Option<String>, MakeError> {
        if let Some(token) = &self.token {
            return Ok(Some(token.trim().to_owned()));
        }
        if let Some(path) = &self.token_file {
            let read = fs::read_to_string(path);
            let text = read.map_err(|err| format!("cannot read {}: {err}", path.display()))?;
            return Ok(Some(text.trim().to_owned()));
        }
        let command = self.token_command.as_ref();
        command.map(|command| run(command)).transpose()
    }
}

/// What a shell command prints, without white space around it.
fn run(command: &str) -> Result<String, MakeError> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null());
    let output = shell
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| format!("cannot run sh for the token command: {err}"))?;
    if !output.status.success() {
        return Err(format!("the token command has failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
