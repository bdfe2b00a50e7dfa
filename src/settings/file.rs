//! Reads a TOML file by the table of keys.

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::settings::draft::Draft;
use crate::settings::keys::{SECTIONS, keys};
use crate::settings::raw_value::RawValue;
use crate::settings::tables::{Table, table_key};
use crate::settings::{Listen, Namespace, Source};

/// A file: its name and its text.
#[derive(Clone, Copy, Debug)]
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// The line of a byte position in the text.
    fn line(&self, at: usize) -> Source {
        let before = self.text.as_bytes().iter().take(at);
        Source::File {
            name: self.name.to_owned(),
            line: 1 + before.filter(|byte| **byte == b'\n').count(),
        }
    }
}

impl Draft {
    /// Reads a file.
    pub(super) fn read_file(&mut self, name: &str, text: &str) {
        let file = File { name, text };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let source = file.line(error.span().map_or(0, |span| span.start));
            self.complain(&source, "", error.message(), "must be TOML 1.0");
        }
        self.read_table(file, "", root.get_ref());
    }

    /// Reads a section, or the keys before the first section.
    fn read_table(&mut self, file: File<'_>, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let source = file.line(key.span().start);
            let name = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            self.read_entry(file, &name, value, source);
        }
    }

    fn read_entry(
        &mut self,
        file: File<'_>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        source: Source,
    ) {
        let is_section = SECTIONS.iter().any(|(section, _)| *section == name);
        match (keys().find(|key| key.name == name), value.get_ref()) {
            (Some(key), value) => self.set(key, &given(value), source),
            (None, value) if name == Listen::NAME => {
                // They replace the default listeners.
                self.settings.listeners.clear();
                self.read_tables::<Listen>(file, value, &source);
            }
            (None, value) if name == Namespace::NAME => {
                self.read_tables::<Namespace>(file, value, &source);
            }
            (None, DeValue::Table(table)) if is_section => self.read_table(file, name, table),
            (None, _) if is_section => {
                let remedy = format!("must be a section, as in [{name}] with keys below it");
                self.complain(&source, name, "is no key", remedy);
            }
            (None, _) => {
                let sections = SECTIONS.iter().map(|(section, _)| *section);
                let sections = sections.filter(|section| !section.is_empty());
                let names = keys().map(|key| key.name);
                let known = names.chain(sections).chain([Listen::NAME, Namespace::NAME]);
                self.meet_unknown(&source, name, known);
            }
        }
    }

    /// Reads the tables of one kind.
    fn read_tables<T: Table>(&mut self, file: File<'_>, value: &DeValue<'_>, source: &Source) {
        let remedy = || format!("each needs a header of its own: [[{}]]", T::NAME);
        let DeValue::Array(tables) = value else {
            return self.complain(source, T::NAME, "must be a list of tables", remedy());
        };
        for table in tables.iter() {
            let source = file.line(table.span().start);
            let index = self.add_table::<T>(source.clone());
            let DeValue::Table(table) = table.get_ref() else {
                self.complain(&source, T::NAME, "must be a list of tables", remedy());
                continue;
            };
            for (key, value) in table {
                let source = file.line(key.span().start);
                let name = key.get_ref().as_ref();
                match T::keys().iter().find(|key| key.name == name) {
                    Some(key) => self.set_in_table(index, key, &given(value.get_ref()), source),
                    None => {
                        let known = T::keys().iter().map(|key| key.name);
                        self.meet_unknown(&source, &table_key::<T>(index, name), known);
                    }
                }
            }
        }
    }
}

fn given<'v>(value: &'v DeValue<'_>) -> RawValue<'v> {
    match value {
        DeValue::String(text) => RawValue::Text(text),
        DeValue::Integer(number) => RawValue::Number(integer(number)),
        DeValue::Boolean(is_on) => RawValue::Switch(*is_on),
        DeValue::Array(array) => match array.iter().map(|item| item.get_ref().as_str()).collect() {
            Some(texts) => RawValue::List(texts),
            None => RawValue::Other(value.type_str()),
        },
        other => RawValue::Other(other.type_str()),
    }
}

fn integer(number: &DeInteger<'_>) -> Option<usize> {
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}
