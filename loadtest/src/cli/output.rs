//! The flags of the commands that work on what was written.

use std::path::PathBuf;

use clap::Args;

/// A report with charts from figures that were written with --json.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest report run.json --html run.html")]
pub(crate) struct ReportArgs {
    /// What --json wrote.
    #[arg(value_name = "RESULT.json")]
    pub(crate) result: PathBuf,
    /// The page [default: beside it, ending with .html].
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// The figures of two runs side by side, with ratios and what got better or worse.
///
/// Refuses runs of different commands or flags. Exit code: 0, or 1 with --fail-on-regression if a
/// figure got worse, 2 if the runs cannot be compared.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  loadtest compare before.json after.json --threshold 5 --html compared.html"
)]
pub(crate) struct CompareArgs {
    /// The run to compare with.
    #[arg(value_name = "BEFORE.json")]
    pub(crate) before: PathBuf,
    /// The run that is compared.
    #[arg(value_name = "AFTER.json")]
    pub(crate) after: PathBuf,
    /// Percent that a figure may differ and still be the same.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub(crate) threshold: f64,
    /// Exit code 1 if a figure got worse.
    #[arg(long)]
    pub(crate) fail_on_regression: bool,
    /// Compare whatever is different.
    #[arg(long)]
    pub(crate) force: bool,
    /// Also write a page with both.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Makes the runs of a file in TOML, one after another.
///
/// Each writes NAME.json and NAME.html, and all together index.html.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest run loadtest/scenarios/smoke.toml --out results")]
pub(crate) struct RunArgs {
    /// The runs.
    #[arg(value_name = "FILE.toml")]
    pub(crate) file: PathBuf,
    /// Make only the run of this name. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Where the reports go.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) out: PathBuf,
}
