//! `corecast reload`: tells a running server to read its configuration again.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::ConfigError;
use crate::sys::service::processes::{hang_up, servers};

/// The flags of `corecast reload`.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub struct Reload {
    /// Process id of the server [default: that of the only server that runs]
    #[arg(long, value_name = "N")]
    pid: Option<i32>,
    /// File that has the process id
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

impl Reload {
    pub(super) fn output(&self) -> Result<String, ConfigError> {
        let pid = self.pid().map_err(ConfigError::Reload)?;
        let cannot = |err| ConfigError::Reload(format!("process {pid} cannot be told: {err}"));
        hang_up(pid).map_err(cannot)?;
        Ok(format!(
            "told process {pid}; its log says what has changed, or what is wrong\n"
        ))
    }

    fn pid(&self) -> Result<i32, String> {
        match (self.pid, &self.pid_file) {
            (Some(pid), _) => Ok(pid),
            (_, Some(path)) => read(path),
            _ => only(&servers().map_err(|err| format!("cannot read /proc: {err}"))?),
        }
    }
}

/// The process id in a file.
fn read(path: &Path) -> Result<i32, String> {
    let text = fs::read_to_string(path).map_err(|err| err.to_string());
    let pid = text.and_then(|text| text.trim().parse().map_err(|_| format!("{text:?}")));
    pid.map_err(|what| format!("{}: no process id: {what}", path.display()))
}

/// The only one.
fn only(pids: &[i32]) -> Result<i32, String> {
    match pids {
        [] => Err("no corecast server runs here".to_owned()),
        [pid] => Ok(*pid),
        several => {
            let pids: Vec<String> = several.iter().map(i32::to_string).collect();
            let pids = pids.join(", ");
            Err(format!(
                "several servers run: {pids}; choose one with --pid"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn the_only_server_is_meant_and_of_several_one_must_be_chosen() {
        assert_eq!(only(&[7]), Ok(7));
        assert!(only(&[]).unwrap_err().contains("no corecast server"));
        assert!(only(&[7, 8]).unwrap_err().contains("7, 8"));
    }
}
