//! The figures as lines for people.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::report::{ClientCost, Opening, ServerCost};
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
        self.row(
            "result",
            if passed { "passed" } else { "FAILED" }.to_owned(),
        );
    }

    /// Adds a line for each kind that was counted.
    pub(crate) fn counts(&mut self, name: &'static str, by_kind: &BTreeMap<String, u64>) {
        for (kind, count) in by_kind {
            self.row(name, format!("{count} x {kind}"));
        }
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
        self.counts("failed", failures);
    }

    /// Adds what all reports have about cost.
    pub(crate) fn cost(&mut self, client: &ClientCost, server: Option<&ServerCost>, per: &str) {
        if let Some(server) = server {
            self.row(
                "server CPU",
                format!(
                    "{:.3} us per {per}, of it {:.3} in user space ({:.1} %); {:.2} cores busy",
                    server.cpu_us_per_message,
                    server.user_us_per_message,
                    server.user_share * 100.0,
                    server.busy_cores
                ),
            );
        }
        let cpu: Vec<String> = client
            .cpu_s_by_thread
            .iter()
            .map(|cpu| format!("{cpu:.2}"))
            .collect();
        self.row(
            "client CPU",
            format!(
                "{} s by thread, {:.0} % busy",
                cpu.join(" "),
                client.busy_share * 100.0
            ),
        );
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
