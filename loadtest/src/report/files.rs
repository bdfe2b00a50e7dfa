//! Figures that were written, read again, and the pages made of them.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::cli::ReportArgs;
use crate::leader::RunError;
use crate::page;
use crate::report::Document;
use crate::report::document::FORMAT;

/// Reads what `--json` wrote.
///
/// # Errors
///
/// There is no such file, or it is something else.
pub(crate) fn read(path: &Path) -> Result<Map<String, Value>, RunError> {
    let problem = |text: String| RunError::Usage(format!("{}: {text}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    let run: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| problem(format!("no figures of loadtest: {error}")))?;
    match run.get("format").and_then(Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => Ok(run),
        Some(format) => Err(problem(format!(
            "has form {format}, and this loadtest reads {FORMAT}: take the one that wrote it"
        ))),
        None => Err(problem(
            "no figures of loadtest: write them with --json".to_owned(),
        )),
    }
}

/// Writes the page of a run.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write_page(path: &Path, run: &Document) -> Result<(), RunError> {
    let Ok(Value::Object(run)) = serde_json::to_value(run) else {
        return Err(RunError::Failed("the figures have no names".to_owned()));
    };
    write(path, &page::page(&run))
}

/// Makes a page of figures that were kept.
///
/// # Errors
///
/// They cannot be read, or the page cannot be written.
pub(crate) fn make_page(args: &ReportArgs) -> Result<(), RunError> {
    let run = read(&args.result)?;
    let path = args
        .html
        .clone()
        .unwrap_or_else(|| args.result.with_extension("html"));
    write(&path, &page::page(&run))
}

/// Writes a file.
///
/// # Errors
///
/// As open(2) and write(2), with its name.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), RunError> {
    fs::write(path, text).map_err(|error| RunError::Failed(format!("{}: {error}", path.display())))
}
