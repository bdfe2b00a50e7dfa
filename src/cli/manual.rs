//! `corecast completions` and `corecast man`: what a shell and `man` know of the program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::{Cli, ConfigError, Failure};

/// The flags of `corecast completions`.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The flags of `corecast man`.
#[derive(Args, Debug)]
#[command(after_help = MAN)]
pub struct Manual {
    /// The command, such as sub or token create [default: the page of the whole program]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Completions {
    pub(super) fn output(&self) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "corecast", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}

impl Manual {
    pub(super) fn output(&self) -> Result<String, Failure> {
        if let Some(folder) = &self.out {
            return write_all(folder).map_err(|err| {
                let folder = folder.display();
                Failure::usage(format!("cannot write pages into {folder}: {err}"))
            });
        }
        let mut page = Vec::new();
        let written = Man::new(self.find()?).render(&mut page);
        written.map_err(ConfigError::Output)?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }

    /// The command whose page is asked for, with the name of its page.
    fn find(&self) -> Result<clap::Command, Failure> {
        let mut command = Cli::command();
        let mut page = "corecast".to_owned();
        for name in &self.command {
            let Some(found) = command.find_subcommand(name) else {
                return Err(Failure::usage(format!(
                    "there is no command {name:?}: see `corecast --help`"
                )));
            };
            page = format!("{page}-{name}");
            command = found.clone();
        }
        let usage = page.replace('-', " ");
        Ok(command.display_name(page).bin_name(usage))
    }
}

/// Writes a page for each command, and says which.
fn write_all(folder: &Path) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command().name("corecast"), folder)?;
    Ok(format!("the pages are in {}\n", folder.display()))
}

const COMPLETIONS: &str = "\
Examples:
  corecast completions bash > ~/.local/share/bash-completion/completions/corecast
  corecast completions zsh > ~/.zfunc/_corecast    with ~/.zfunc in fpath, before compinit
  corecast completions fish > ~/.config/fish/completions/corecast.fish";

const MAN: &str = "\
Examples:
  corecast man | man -l -                          read the page of the program
  corecast man token create | man -l -             that of a command
  corecast man --out ~/.local/share/man/man1       install all pages";
