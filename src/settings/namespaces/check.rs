//! Checks of the keys about topics.

use crate::limits::NAMESPACES_MAX;
use crate::settings::draft::Draft;
use crate::settings::keys::Key;
use crate::settings::namespaces::keys::{NAMESPACE_KEYS, TOPIC_KEYS};
use crate::settings::namespaces::{Namespace, TopicValues};
use crate::settings::tables::{table, table_key};
use crate::settings::value::units::show_time;
use crate::settings::{Settings, Source};

impl Draft {
    /// Complains of namespaces that no topic or another namespace has, and of keys about topics
    /// that contradict each other.
    pub(in crate::settings) fn check_namespaces(&mut self) {
        let namespaces = self.settings.namespaces.clone();
        if NAMESPACES_MAX < namespaces.len() {
            let what = format!("there are {}", namespaces.len());
            let remedy = format!("at most {NAMESPACES_MAX} are possible; use patterns");
            let source = self.settings.source(&table::<Namespace>(NAMESPACES_MAX));
            self.complain(&source, "namespace", what, remedy);
        }
        let topics = self.settings.topics.clone();
        // Namespaces may have the rest from here.
        let is_on = |is_on: fn(&TopicValues) -> bool| {
            let mut namespaces = namespaces.iter();
            is_on(&topics) || namespaces.any(|namespace| is_on(&namespace.topics))
        };
        let uses = Uses {
            history: is_on(has_history),
            flush: is_on(has_flush),
            joins: is_on(has_joins),
        };
        let changed = changed_keys(TOPIC_KEYS, &self.settings, &Settings::default());
        self.check_topics(&topics, uses, &changed, |key| format!("topics.{key}"));
        for (index, namespace) in namespaces.iter().enumerate() {
            self.check_scope(index, &namespaces);
            let uses = Uses {
                history: has_history(&namespace.topics),
                flush: has_flush(&namespace.topics),
                joins: has_joins(&namespace.topics),
            };
            let changed = changed_keys(NAMESPACE_KEYS, namespace, &Namespace::default());
            self.check_topics(&namespace.topics, uses, &changed, |key| {
                table_key::<Namespace>(index, key)
            });
        }
    }

    fn check_scope(&mut self, index: usize, namespaces: &[Namespace]) {
        let [name, pattern] = ["name", "pattern"].map(|key| table_key::<Namespace>(index, key));
        let namespace = &namespaces[index];
        let is_same = |other: &Namespace| {
            let scope = |of: &Namespace| (of.name.clone(), of.pattern.clone());
            scope(other) == scope(namespace)
        };
        let key = match (namespace.name.is_empty(), namespace.pattern.is_empty()) {
            (true, true) => {
                let source = self.settings.source(&table::<Namespace>(index));
                let has_problem = |key: &String| {
                    let mut problems = self.problems.iter();
                    problems.any(|problem| problem.key == *key)
                };
                if ![&name, &pattern].into_iter().any(has_problem) {
                    let remedy = "set name, as in name = \"match\" for match:1, or pattern";
                    self.complain(&source, &name, "is missing", remedy);
                }
                return;
            }
            (false, false) => {
                let remedy = "make two namespaces of it, or leave one of them out";
                let what = "a namespace has a name or a pattern";
                return self.complain_of(&[&pattern, &name], what, remedy);
            }
            (false, true) => &name,
            (true, false) => &pattern,
        };
        if let Err(error) = namespace.scope() {
            let remedy = "must be as \"match\" for a name, or as \"device/+/state\" for a pattern";
            self.complain_of(&[key], &error.to_string(), remedy);
        } else if let Some(first) = namespaces[..index].iter().position(is_same) {
            let what = format!("{} has it, too", table::<Namespace>(first));
            self.complain_of(&[key], &what, "put the keys of both into one table");
        }
    }

    /// `changed`: keys with other values than the default; `of` gives a key its full name.
    fn check_topics(
        &mut self,
        topics: &TopicValues,
        uses: Uses,
        changed: &[&str],
        of: impl Fn(&str) -> String,
    ) {
        let mut complain_unless = |is_used: bool, keys: &[&str], of_what: &str, needs: &str| {
            for key in changed.iter().filter(|key| !is_used && keys.contains(*key)) {
                let (key, needs) = (of(key), of(needs));
                if self.settings.source(&key) != Source::Default {
                    let what = format!("has no effect without {of_what}");
                    let last = needs.rsplit('.').next().unwrap_or(&needs);
                    let remedy = format!("set {last}, or leave it out");
                    self.complain_of(&[&key, &needs], &what, &remedy);
                }
            }
        };
        complain_unless(uses.history, OF_HISTORY, "a history", "history_size");
        complain_unless(uses.flush, &["flush_latest"], "ticks", "flush");
        let of_joins = &["force_push_join_leave"];
        complain_unless(uses.joins, of_joins, "joins and leaves", "join_leave");
        if !uses.history {
            return;
        }
        let (ttl, meta_ttl) = (topics.history_ttl, topics.meta_ttl());
        if meta_ttl < ttl {
            let [shown, ttl] = [meta_ttl, ttl].map(show_time);
            let what = format!("{shown} is less than history_ttl, {ttl}");
            let remedy = "must be at least as long, or \"auto\"";
            self.complain_of(
                &[&of("history_meta_ttl"), &of("history_ttl")],
                &what,
                remedy,
            );
        }
    }
}

/// What the values of some topics are used for.
#[derive(Clone, Copy)]
struct Uses {
    history: bool,
    flush: bool,
    joins: bool,
}

fn has_history(topics: &TopicValues) -> bool {
    topics.history_size.is_some()
}

fn has_flush(topics: &TopicValues) -> bool {
    topics.flush.is_some()
}

fn has_joins(topics: &TopicValues) -> bool {
    topics.join_leave
}

/// The last parts of the names of keys with other values than `default` has.
fn changed_keys<T: Clone>(keys: &'static [Key<T>], of: &T, default: &T) -> Vec<&'static str> {
    let keys = keys.iter();
    let changed = keys.filter(|key| key.field.show(of) != key.field.show(default));
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    changed.map(|key| last(key.name)).collect()
}

/// Keys that have no effect without a history.
const OF_HISTORY: &[&str] = &[
    "history_bytes",
    "history_ttl",
    "history_meta_ttl",
    "keys",
    "first",
    "force_recovery",
    "force_positioning",
    "delta",
];
