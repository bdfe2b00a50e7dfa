//! Figures that were written, read again, and the pages made of them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::cli::ReportArgs;
use crate::report::Document;
use crate::report::document::FORMAT;
use crate::report::page;
use crate::run::leader::RunError;

/// JSON for programs that people can read as well: an object's entries have a line each, a list is
/// on one line.
#[derive(Debug, Default)]
struct Lines(PrettyFormatter<'static>);

impl Formatter for Lines {
    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
}

/// Writes figures as JSON.
pub(crate) fn write_json(path: &Path, figures: &impl Serialize) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    figures.serialize(&mut Serializer::with_formatter(&mut file, Lines::default()))?;
    file.write_all(b"\n")?;
    file.flush()
}

/// Reads what `--json` wrote.
pub(crate) fn read(path: &Path) -> Result<Value, RunError> {
    let problem = |text: &str| RunError::Usage(format!("{}: {text}", path.display()));
    let run: Value = serde_json::from_str(&read_text(path)?)
        .map_err(|error| problem(&format!("no figures of loadtest: {error}")))?;
    match &run["format"] {
        format if *format == FORMAT => Ok(run),
        Value::Null => Err(problem("no figures of loadtest: write them with --json")),
        format => Err(problem(&format!(
            "has form {format}, and this loadtest reads {FORMAT}: take the one that wrote it"
        ))),
    }
}

/// Writes the page of a run.
pub(crate) fn write_page(path: &Path, run: &Document) -> Result<(), RunError> {
    let run = serde_json::to_value(run).map_err(|error| RunError::Failed(error.to_string()))?;
    write(path, &page::page(&run))
}

/// Makes a page of figures that were kept.
pub(crate) fn make_page(args: &ReportArgs) -> Result<(), RunError> {
    let run = read(&args.result)?;
    let beside = args.result.with_extension("html");
    write(args.html.as_ref().unwrap_or(&beside), &page::page(&run))
}

/// Sees before a run that a file can be written after it; what it has is left alone.
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
pub(crate) fn read_text(path: &Path) -> Result<String, RunError> {
    fs::read_to_string(path)
        .map_err(|error| RunError::Usage(format!("{}: {error}", path.display())))
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), RunError> {
    fs::write(path, text).map_err(|error| RunError::Failed(format!("{}: {error}", path.display())))
}
