//! Tables of which a configuration may have any number: `[[listener]]` and `[[namespace]]`.

use crate::settings::draft::{Draft, take, upper, variable};
use crate::settings::keys::Key;
use crate::settings::raw_value::RawValue;
use crate::settings::{Settings, Source};

/// A table of which a configuration may have any number. Its keys have the full names
/// `TABLE.INDEX.KEY`.
pub(super) trait Table: Clone + Sized + 'static {
    /// The word in its header, as in `[[listener]]`.
    const NAME: &'static str;

    /// A table before its keys are read.
    fn empty() -> Self;

    /// Its keys.
    fn keys() -> &'static [Key<Self>];

    /// All tables of this kind.
    fn all(settings: &mut Settings) -> &mut Vec<Self>;
}

/// The full name of a table.
pub(super) fn table<T: Table>(index: usize) -> String {
    format!("{}.{index}", T::NAME)
}

/// The full name of a key in a table.
pub(super) fn table_key<T: Table>(index: usize, name: &str) -> String {
    format!("{}.{index}.{name}", T::NAME)
}

/// The prefix of the variables of a table's keys.
pub(super) fn table_prefix<T: Table>(index: usize) -> String {
    variable(&table_key::<T>(index, ""))
}

/// The number of the table and the rest of the variable's name.
pub(super) fn table_variable<T: Table>(name: &str) -> Option<(usize, &str)> {
    let rest = name.strip_prefix(&variable(&format!("{}.", T::NAME)))?;
    let (index, rest) = rest.split_once('_')?;
    Some((index.parse().ok()?, rest))
}

impl Draft {
    /// Adds a table with default values; returns its index.
    pub(super) fn add_table<T: Table>(&mut self, source: Source) -> usize {
        let tables = T::all(&mut self.settings);
        let index = tables.len();
        tables.push(T::empty());
        self.settings.sources.insert(table::<T>(index), source);
        index
    }

    /// Sets the value of a key of an existing table.
    pub(super) fn set_in_table<T: Table>(
        &mut self,
        index: usize,
        key: &'static Key<T>,
        given: &RawValue<'_>,
        source: Source,
    ) {
        let name = table_key::<T>(index, key.name);
        if let Some(table) = T::all(&mut self.settings).get_mut(index) {
            let wrong = take(&key.field, table, &name, key.is_secret, given, &source);
            self.problems.extend(wrong);
        }
        self.settings.sources.insert(name, source);
    }

    /// Reads the variables of tables; `variables`: the number of the table, the rest of the name,
    /// the value, and the variable.
    pub(super) fn read_table_variables<T: Table>(
        &mut self,
        mut variables: Vec<(usize, &str, &str, Source)>,
    ) {
        // Sorted by number: as texts, 10 would come before 2.
        variables.sort_by_key(|(index, ..)| *index);
        for (index, rest, value, source) in variables {
            self.read_table_variable::<T>(index, rest, value, source);
        }
    }

    fn read_table_variable<T: Table>(
        &mut self,
        index: usize,
        rest: &str,
        value: &str,
        source: Source,
    ) {
        let Some(key) = T::keys().iter().find(|key| upper(key.name) == rest) else {
            let name = table_key::<T>(index, &rest.to_lowercase());
            return self.meet_unknown(&source, &name, T::keys().iter().map(|key| key.name));
        };
        let count = T::all(&mut self.settings).len();
        if index == count {
            self.add_table::<T>(source.clone());
        } else if count < index {
            let remedy = format!("continue from {}; the first is 0", table_prefix::<T>(count));
            let name = table_key::<T>(index, key.name);
            let what = format!("the {} with the number before it is missing", T::NAME);
            return self.complain(&source, &name, what, remedy);
        }
        self.set_in_table(index, key, &RawValue::Untyped(value), source);
    }
}
