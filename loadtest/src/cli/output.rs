//! Flags about what is shown and written, and the commands that work on what was written.

use std::path::PathBuf;

use clap::Args;

/// Where the figures go, beside stdout.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Also write all figures to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Also write a report with charts, one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}
