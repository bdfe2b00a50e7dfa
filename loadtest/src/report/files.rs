//! Figures that were written, read again, and the pages made of them.

use std::fs::{self, File};
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
    let text = read_text(path)?;
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

/// Sees before a run that a file can be written after it; what it has is left alone.
///
/// # Errors
///
/// As open(2), with its name.
pub(crate) fn try_write(path: &Path) -> Result<(), RunError> {
    let is_new = !path.exists();
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| RunError::Usage(format!("cannot write {}: {error}", path.display())))?;
    if is_new {
        // The run may fail, and an empty file would look like its figures.
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Reads a file of text.
///
/// # Errors
///
/// A sentence with its name: it cannot be read, or is not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, RunError> {
    let problem = |text: String| RunError::Usage(format!("{}: {text}", path.display()));
    let bytes = fs::read(path).map_err(|error| problem(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| problem("is not text in UTF-8".to_owned()))
}

/// Writes a file.
///
/// # Errors
///
/// As open(2) and write(2), with its name.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), RunError> {
    fs::write(path, text).map_err(|error| RunError::Failed(format!("{}: {error}", path.display())))
}
