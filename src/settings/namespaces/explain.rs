//! What holds for one topic, and why.

use crate::settings::field::quote;
use crate::settings::namespaces::Namespace;
use crate::settings::namespaces::keys::NAMESPACE_KEYS;
use crate::settings::tables::{table, table_key};
use crate::settings::write::line;
use crate::settings::{Settings, Source};

impl Settings {
    /// The settings of a topic, each with its source.
    pub fn explain_topic(&self, topic: &str) -> String {
        let mut namespaces = self.namespaces.iter();
        let index = namespaces.position(|namespace| {
            let scope = namespace.scope();
            scope.is_ok_and(|scope| scope.has(topic))
        });
        let mut text = match index {
            Some(index) => {
                let source = self.source(&table::<Namespace>(index));
                format!("topic {topic:?} is in namespace {index} ({source}):\n")
            }
            None if self.topic_settings().is_unknown(topic) => {
                let source = self.source("topics.require_namespace");
                let needs = format!("topics.require_namespace ({source})");
                return format!("topic {topic:?} is refused: it is in no namespace, and {needs}\n");
            }
            None => format!("topic {topic:?} is in no namespace:\n"),
        };
        let unnamed = Namespace {
            topics: self.topics.clone(),
            ..Namespace::default()
        };
        let of = index.map_or(&unnamed, |index| &self.namespaces[index]);
        for key in NAMESPACE_KEYS {
            // That of its name and pattern which it does not have.
            if key.field.show(of) == quote("") {
                continue;
            }
            let own = index.map(|index| self.source(&table_key::<Namespace>(index, key.name)));
            let source = match own {
                Some(source) if source != Source::Default => source,
                _ => self.source(&format!("topics.{}", key.name)),
            };
            line(&mut text, key, of, &format!(" # {source}"));
        }
        text
    }
}
