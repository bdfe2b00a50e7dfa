//! What a host allows a server: a table of checks, what each found, and what sets it right.
//!
//! Pure, except [`Host::read`]: a [`Host`] is what was read below a root, a [`Need`] is what the
//! configuration asks for, and [`examine`] compares them by the table in `checks`. `corecast
//! doctor` prints all findings, `serve` warns of the faults, and `--fix` writes the files that
//! [`fix::files`] makes of the same findings.

mod checks;
pub mod fix;
pub mod host;
mod need;
pub mod page;
pub mod report;
#[cfg(test)]
mod tests;

pub use crate::doctor::host::Host;
pub use crate::doctor::need::Need;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// The server is slower than it could be, or fails under some load.
    Warning,
    /// The server does not get as far as its number of connections.
    Fault,
}

/// One thing that is looked at: a row of the table.
#[derive(Debug)]
pub struct Check {
    /// A word for programs, as `open-files`.
    pub name: &'static str,
    /// Where it is read.
    pub read: &'static str,
    /// What it is, and what it should be.
    pub what: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// Where that is documented.
    pub source: &'static str,
    /// Compares; `None` if the host does not say, or it does not apply.
    judge: fn(&Host, &Need) -> Option<Judgement>,
}

/// What a check says of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judgement {
    severity: Option<Severity>,
    is: String,
    should: String,
    remedies: Vec<Remedy>,
}

/// What sets something right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A kernel setting.
    Sysctl(&'static str, String),
    /// The hard limit of open files.
    OpenFiles(usize),
    /// A line of the service's unit.
    Unit(&'static str, String),
    /// A command, or what else a person does.
    Do(String),
}

/// What was found of one check.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The check.
    pub check: &'static Check,
    /// How bad it is; `None` if it is as it should be.
    pub severity: Option<Severity>,
    /// What it is.
    pub is: String,
    /// What it should be, if it is not.
    pub should: String,
    /// What sets it right; each alone, where there are several.
    pub remedies: Vec<Remedy>,
}

/// Compares a host with what is needed, in the order of the table. Checks that say nothing of this
/// host are left out.
pub fn examine(host: &Host, need: &Need) -> Vec<Finding> {
    let judged = checks::all().filter_map(|check| Some((check, (check.judge)(host, need)?)));
    let found = judged.map(|(check, judged)| Finding {
        check,
        severity: judged.severity,
        is: judged.is,
        should: judged.should,
        remedies: judged.remedies,
    });
    found.collect()
}

/// The worst of all findings.
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().filter_map(|found| found.severity).max()
}

impl Severity {
    /// The severity as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

impl Judgement {
    /// It is as it should be.
    fn fine(is: impl Into<String>) -> Self {
        Self {
            severity: None,
            is: is.into(),
            should: String::new(),
            remedies: Vec::new(),
        }
    }

    fn wrong(severity: Severity, is: impl Into<String>, should: impl Into<String>) -> Self {
        Self {
            severity: Some(severity),
            should: should.into(),
            ..Self::fine(is)
        }
    }

    fn by(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sysctl(key, value) if value.contains([' ', ',']) => {
                write!(f, "sysctl -w {key}=\"{value}\"")
            }
            Self::Sysctl(key, value) => write!(f, "sysctl -w {key}={value}"),
            Self::OpenFiles(files) => write!(
                f,
                "LimitNOFILE={files} in the unit of systemd, or `ulimit -Hn {files}` as root"
            ),
            Self::Unit(key, value) => write!(f, "{key}={value} in the unit of systemd"),
            Self::Do(what) => f.write_str(what),
        }
    }
}
