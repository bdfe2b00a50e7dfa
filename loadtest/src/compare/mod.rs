//! Two runs side by side: their figures, ratios, and what got better or worse.

mod collect;
mod figure;
mod page;
mod sameness;

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::cli::CompareArgs;
use crate::compare::figure::{Figure, Verdict};
use crate::compare::sameness::Difference;
use crate::leader::RunError;
use crate::report;

/// Two runs and what they have not in common.
#[derive(Debug)]
struct Comparison {
    before: Map<String, Value>,
    after: Map<String, Value>,
    flags: Vec<Difference>,
    hosts: Vec<Difference>,
    figures: Vec<Figure>,
    threshold_percent: f64,
}

/// Compares two runs and says whether nothing got worse, if that was asked.
///
/// # Errors
///
/// A file cannot be read, or the runs were asked for something else.
pub(crate) fn run(args: &CompareArgs) -> Result<bool, RunError> {
    let before = report::read(&args.before)?;
    let after = report::read(&args.after)?;
    let flags = sameness::of_flags(&before, &after);
    if !flags.is_empty() && !args.force {
        let lines: String = flags
            .iter()
            .map(|difference| format!("\n  {}", told(difference)))
            .collect();
        let text = format!("the runs were asked for something else; --force compares them:{lines}");
        return Err(RunError::Usage(text));
    }
    let threshold = args.threshold / 100.0;
    if !(threshold.is_finite() && threshold >= 0.0) {
        return Err(RunError::Usage("--threshold must be 0 or above".to_owned()));
    }
    let comparison = Comparison {
        hosts: sameness::of_hosts(&before, &after),
        figures: collect::figures(&before, &after, threshold),
        threshold_percent: args.threshold,
        before,
        after,
        flags,
    };
    comparison.print()?;
    if let Some(path) = &args.html {
        report::write(path, &page::page(&comparison))?;
    }
    Ok(!args.fail_on_regression || comparison.count(Verdict::Worse) == 0)
}

impl Comparison {
    fn count(&self, verdict: Verdict) -> usize {
        self.figures
            .iter()
            .filter(|figure| figure.verdict == verdict)
            .count()
    }

    /// How many figures got better, worse, or neither.
    fn summary(&self) -> String {
        format!(
            "{} better, {} worse, {} the same within {} %",
            self.count(Verdict::Better),
            self.count(Verdict::Worse),
            self.count(Verdict::Same),
            self.threshold_percent
        )
    }

    /// What has to be known to believe the figures.
    fn notes(&self) -> Vec<String> {
        let flags = self
            .flags
            .iter()
            .map(|difference| format!("other flags: {}", told(difference)));
        let hosts = self
            .hosts
            .iter()
            .map(|difference| format!("other host: {}", told(difference)));
        let doubtful = |run: &Map<String, Value>| {
            let warnings = run.get("warnings").and_then(Value::as_array);
            warnings.is_some_and(|warnings| !warnings.is_empty())
        };
        let runs = [("before", &self.before), ("after", &self.after)].into_iter();
        let warned = runs
            .filter(|(_, run)| doubtful(run))
            .map(|(name, _)| format!("the run {name} has warnings"));
        flags.chain(hosts).chain(warned).collect()
    }

    /// Prints the figures that are judged.
    fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{:<44} {:>14} {:>14} {:>8}",
            "", "before", "after", "ratio"
        )?;
        let judged = self
            .figures
            .iter()
            .filter(|figure| figure.verdict != Verdict::NotJudged);
        for figure in judged {
            let [before, after, ratio] = figure.texts();
            let word = figure.verdict.word();
            let word = if figure.verdict == Verdict::Same {
                ""
            } else {
                word
            };
            let line = format!(
                "{:<44} {before:>14} {after:>14} {ratio:>8}  {word}",
                figure.path
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        for note in self.notes() {
            writeln!(out, "note           {note}")?;
        }
        writeln!(out, "result         {}", self.summary())
    }
}

fn told(difference: &Difference) -> String {
    format!(
        "{}: {} before, {} after",
        difference.name, difference.before, difference.after
    )
}
