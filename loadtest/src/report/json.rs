//! JSON for programs that people can read as well: an object's entries have a line each, a list is
//! on one line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

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
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write_json(path: &Path, figures: &impl Serialize) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    figures.serialize(&mut Serializer::with_formatter(&mut file, Lines::default()))?;
    file.write_all(b"\n")?;
    file.flush()
}
