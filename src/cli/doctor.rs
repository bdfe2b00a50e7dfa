//! `corecast doctor`: what stands in the way of many connections on this host.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{ConfigError, Serve};
use crate::doctor::fix::{self, File, MARK};
use crate::doctor::{Finding, Host, Need, Severity, examine, page, report, worst};

/// The flags of `corecast doctor`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[group(skip)]
pub struct Doctor {
    /// Connections at the same time [default: limits.connections, or 10000 if that is auto]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections: Option<u32>,
    /// Write the settings into files below /etc (sysctl.d, security/limits.d, systemd), and say
    /// what to run then
    #[arg(long, group = "output")]
    fix: bool,
    /// Write them below this folder instead
    #[arg(long, value_name = "DIR", requires = "fix")]
    out: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long, group = "output")]
    json: bool,
    /// Print the file of kernel settings for any host
    #[arg(long, group = "output")]
    sysctl: bool,
    /// Print the page of all checks, docs/DOCTOR.md
    #[arg(long, group = "output")]
    page: bool,
    #[command(flatten)]
    serve: Serve,
}

impl Doctor {
    /// What it prints, and its exit code.
    pub(super) fn output(&self) -> Result<(String, u8), ConfigError> {
        if self.page {
            return Ok((page::page(), 0));
        }
        let mut need = Need::of(&self.serve.settings()?);
        if let Some(connections) = self.connections {
            need.connections = usize::try_from(connections).unwrap_or(usize::MAX);
        }
        if self.sysctl {
            return Ok((fix::sysctl(&Host::default(), &need, &[]), 0));
        }
        let host = Host::read_all(Path::new("/"));
        let findings = examine(&host, &need);
        if self.fix {
            return self.fix(&fix::files(&host, &need, &findings), &findings);
        }
        let text = if self.json {
            report::json(&need, &findings)
        } else {
            report::text(&need, &findings)
        };
        Ok((text, code(worst(&findings))))
    }

    fn fix(&self, files: &[File], findings: &[Finding]) -> Result<(String, u8), ConfigError> {
        let folder = self.out.as_deref().unwrap_or_else(|| Path::new("/etc"));
        let all = files.iter().map(|file| (file, folder.join(file.path)));
        let all: Vec<(&File, PathBuf)> = all.collect();
        // All or none: half of the settings is no host that is set right.
        let refused: Vec<String> = all.iter().filter_map(|(_, path)| foreign(path)).collect();
        if !refused.is_empty() {
            return Err(ConfigError::Files(refused));
        }
        let mut text = String::new();
        for (file, path) in &all {
            write(path, &file.text).map_err(|err| {
                let path = path.display();
                let hint = match err.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "; run it as root, or name another folder with --out"
                    }
                    _ => "",
                };
                ConfigError::Files(vec![format!("cannot write {path}: {err}{hint}")])
            })?;
            text += &format!("wrote {}; then: {}\n", path.display(), file.then);
        }
        if self.out.is_some() {
            text += &format!("copy {} to /etc before you run these\n", folder.display());
        }
        let left = fix::remaining(findings);
        if !left.is_empty() {
            text += "\nno file sets these:\n\n";
            text.extend(left.iter().map(report::paragraph));
        }
        Ok((text, code(fix::worst_remaining(findings))))
    }
}

/// Why a file is not to be replaced: it is there, and `doctor` has not made it.
fn foreign(path: &Path) -> Option<String> {
    let text = match fs::read(path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(err) if err.kind() == io::ErrorKind::NotFound => return None,
        Err(err) => return Some(format!("cannot read {}: {err}", path.display())),
    };
    let is_own = text.lines().next().is_some_and(|line| line.contains(MARK));
    (!is_own).then(|| {
        format!(
            "{}: is not made by corecast doctor, and stays as it is; move it away, or name \
             another folder with --out",
            path.display()
        )
    })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// 2 is for what cannot be run.
fn code(worst: Option<Severity>) -> u8 {
    match worst {
        None | Some(Severity::Note) => 0,
        Some(Severity::Warning) => 1,
        Some(Severity::Fault) => 3,
    }
}

const EXAMPLES: &str = "\
Exit code: 0 if nothing stands in the way (notes do not count), 1 if there are warnings, 3 if \
there are faults: the server does not get as far as that many connections. 2 if the command \
cannot run. With --fix, only what the files do not set counts.

Examples:
  corecast doctor --connections 100000                      what stands in the way
  corecast doctor --config corecast.toml                    of limits.connections in the file
  sudo corecast doctor --connections 100000 --fix           write the settings into /etc
  corecast doctor --connections 100000 --fix --out etc     look at them first
  corecast doctor --connections 100000 --json | jq '.checks[] | select(.state != \"ok\")'

Run it as the user of the server, in its container or unit, while the server is stopped. \
docs/DOCTOR.md explains each check.";
