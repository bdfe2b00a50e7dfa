//! The figures as lines for people.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::report::{ClientCost, Opening};
use crate::warning::Warning;

/// Lines of a table: a name and what is to say.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(Cow<'static, str>, String)>);

impl Table {
    /// The table of a run that loads a server: begins with the verdict and with where it connected.
    pub(crate) fn of_load(passed: bool, urls: &[String]) -> Self {
        let mut table = Self::default();
        table.result(passed);
        table.row("target", urls.join(" "));
        table
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, name: impl Into<Cow<'static, str>>, text: String) {
        self.0.push((name.into(), text));
    }

    /// Adds the verdict.
    pub(crate) fn result(&mut self, passed: bool) {
        let word = if passed { "passed" } else { "FAILED" };
        self.row("result", word.to_owned());
    }

    /// Adds what all reports have about connections.
    pub(crate) fn opening(&mut self, opening: &Opening) {
        let Opening {
            connections,
            live,
            open_s,
            opened_per_s,
            ended_early,
            failures,
        } = opening;
        self.row(
            "connections",
            format!("{live} of {connections} live in {open_s:.2} s, {opened_per_s:.0}/s"),
        );
        if *ended_early > 0 {
            self.row("ended early", ended_early.to_string());
        }
        for (kind, count) in failures {
            self.row("failed", format!("{count} x {kind}"));
        }
    }

    /// Adds what this program needed.
    pub(crate) fn cost(&mut self, client: &ClientCost) {
        let cpu = client.cpu_s_by_thread.iter();
        let cpu: Vec<String> = cpu.map(|cpu| format!("{cpu:.2}")).collect();
        let (cpu, busy) = (cpu.join(" "), client.busy_share * 100.0);
        self.row("client CPU", format!("{cpu} s by thread, {busy:.0} % busy"));
    }

    /// Adds the warnings.
    pub(crate) fn warnings(&mut self, warnings: &[Warning]) {
        for warning in warnings {
            self.row("warning", warning.to_string());
        }
    }

    /// Writes the lines to stdout.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.lines().as_bytes())?;
        out.flush()
    }

    /// The lines.
    pub(crate) fn lines(&self) -> String {
        let line = |(name, text): &(Cow<'static, str>, String)| format!("{name:<14} {text}\n");
        self.0.iter().map(line).collect()
    }
}
