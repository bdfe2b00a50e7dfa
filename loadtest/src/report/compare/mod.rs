//! Two runs side by side: their figures, ratios, and what got better or worse.

mod figure;
mod page;
mod sameness;

use std::io::{self, Write};

use serde_json::Value;

use crate::cli::CompareArgs;
use crate::report;
pub(crate) use crate::report::compare::figure::number;
use crate::report::compare::figure::{Figure, Verdict};
use crate::run::leader::RunError;

/// Two runs and what they have not in common.
struct Comparison {
    before: Value,
    after: Value,
    /// What has to be known to believe the figures.
    notes: Vec<String>,
    figures: Vec<Figure>,
    threshold_percent: f64,
}

/// Compares two runs and says whether nothing got worse, if that was asked.
pub(crate) fn run(args: &CompareArgs) -> Result<bool, RunError> {
    let (before, after) = (report::read(&args.before)?, report::read(&args.after)?);
    let flags = sameness::of_flags(&before, &after);
    if !flags.is_empty() && !args.force {
        return Err(RunError::Usage(format!(
            "the runs were asked for something else; --force compares them:\n  {}",
            flags.join("\n  ")
        )));
    }
    if !(args.threshold.is_finite() && args.threshold >= 0.0) {
        return Err(RunError::Usage("--threshold must be 0 or above".to_owned()));
    }
    let flags = flags.iter().map(|flag| format!("other flags: {flag}"));
    let hosts = sameness::of_hosts(&before, &after).into_iter();
    let hosts = hosts.map(|host| format!("other host: {host}"));
    let is_doubtful = |run: &Value| {
        run["warnings"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    };
    let runs = [("before", &before), ("after", &after)].into_iter();
    let warned = runs
        .filter(|(_, run)| is_doubtful(run))
        .map(|(name, _)| format!("the run {name} has warnings"));
    let comparison = Comparison {
        notes: flags.chain(hosts).chain(warned).collect(),
        figures: figure::figures(&before, &after, args.threshold / 100.0),
        threshold_percent: args.threshold,
        before,
        after,
    };
    comparison.print()?;
    if let Some(path) = &args.html {
        report::write(path, &page::page(&comparison))?;
    }
    Ok(!args.fail_on_regression || comparison.count(Verdict::Worse) == 0)
}

impl Comparison {
    fn count(&self, verdict: Verdict) -> usize {
        let found = self.figures.iter();
        found.filter(|figure| figure.verdict == verdict).count()
    }

    /// Prints the figures that are judged.
    fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{:<44} {:>14} {:>14} {:>8}",
            "", "before", "after", "ratio"
        )?;
        for figure in &self.figures {
            let word = match figure.verdict {
                Verdict::NotJudged => continue,
                Verdict::Same => "",
                Verdict::Better => "  better",
                Verdict::Worse => "  WORSE",
            };
            let [before, after, ratio] = figure.texts();
            let path = &figure.path;
            let line = format!("{path:<44} {before:>14} {after:>14} {ratio:>8}{word}");
            writeln!(out, "{}", line.trim_end())?;
        }
        for note in &self.notes {
            writeln!(out, "note           {note}")?;
        }
        writeln!(
            out,
            "result         {} better, {} worse, {} the same within {} %",
            self.count(Verdict::Better),
            self.count(Verdict::Worse),
            self.count(Verdict::Same),
            self.threshold_percent
        )
    }
}
