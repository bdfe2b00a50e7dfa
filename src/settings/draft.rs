//! A configuration while it is being read: values, their sources, and the errors so far.

use std::collections::BTreeMap;

use crate::relay::spelling::nearest;
use crate::settings::field::Field;
use crate::settings::keys::{Key, SECTIONS, keys};
use crate::settings::listeners::keys::LISTENER_KEYS;
use crate::settings::raw_value::RawValue;
use crate::settings::tables::{table_key, table_variable};
use crate::settings::{
    FILE_VARIABLE, Listen, Namespace, PREFIX, Problem, Protocol, Settings, Source,
};

/// A configuration while it is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) settings: Settings,
    pub(super) problems: Vec<Problem>,
}

impl Draft {
    /// The settings, or all errors.
    pub(super) fn finish(mut self) -> Result<Settings, Vec<Problem>> {
        self.problems.sort_by_key(|problem| match problem.source {
            Source::File { line, .. } => (0, line),
            Source::Env(_) => (1, 0),
            Source::Flag(_) => (2, 0),
            Source::Default => (3, 0),
        });
        if self.problems.is_empty() {
            Ok(self.settings)
        } else {
            Err(self.problems)
        }
    }

    /// Adds an error.
    pub(super) fn complain(
        &mut self,
        source: &Source,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem {
            source: source.clone(),
            key: key.to_owned(),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Sets the value of a key.
    pub(super) fn set(
        &mut self,
        key: &'static Key<Settings>,
        given: &RawValue<'_>,
        source: Source,
    ) {
        let (field, name) = (&key.field, key.name);
        let Self { settings, problems } = self;
        let wrong = take(field, settings, name, key.is_secret, given, &source);
        problems.extend(wrong);
        // An invalid value was given as well.
        self.settings.sources.insert(name.to_owned(), source);
    }

    /// Reads environment variables.
    pub(super) fn read_env(&mut self, env: &[(String, String)]) {
        let env: BTreeMap<&str, &str> = env
            .iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && name != FILE_VARIABLE)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let (mut of_listeners, mut of_namespaces) = (Vec::new(), Vec::new());
        for (name, value) in env {
            let source = Source::Env(name.to_owned());
            if let Some(key) = keys().find(|key| variable(key.name) == name) {
                self.set(key, &RawValue::Untyped(value), source);
            } else if let Some((index, rest)) = table_variable::<Listen>(name) {
                of_listeners.push((index, rest, value, source));
            } else if let Some((index, rest)) = table_variable::<Namespace>(name) {
                of_namespaces.push((index, rest, value, source));
            } else {
                self.meet_unknown_variable(name, value, &source);
            }
        }
        self.read_table_variables::<Listen>(of_listeners);
        self.read_table_variables::<Namespace>(of_namespaces);
    }

    /// Misspelled variables are errors. A variable that an orchestrator sets for a service called
    /// "corecast" is ignored: the user could not remove it.
    fn meet_unknown_variable(&mut self, name: &str, value: &str, source: &Source) {
        if is_of_orchestrator(name, value) {
            return;
        }
        // Without the common prefix, which would make all names similar.
        let own = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
        let names = keys().map(|key| upper(key.name));
        let known: Vec<String> = names.chain([own(FILE_VARIABLE)]).collect();
        let near = nearest(&own(name), known.iter().map(String::as_str));
        let mut sections = SECTIONS.iter().filter(|(section, _)| !section.is_empty());
        let in_section = ["CORECAST_LISTENER_", "CORECAST_NAMESPACE_"]
            .iter()
            .any(|table| name.starts_with(table))
            || sections.any(|(section, _)| name.starts_with(&variable(&format!("{section}."))));
        match near {
            Some(near) => {
                let remedy = format!("did you mean {PREFIX}{near}?");
                self.complain(source, "", "unknown variable", remedy);
            }
            // A user that sets only a port expects it to have an effect.
            None if in_section || name.ends_with("_PORT") => {
                let remedy = "see `corecast config doc` for all variables";
                self.complain(source, "", "unknown variable", remedy);
            }
            None => {}
        }
    }

    /// Complains of a key that does not exist.
    pub(super) fn meet_unknown<'n>(
        &mut self,
        source: &Source,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        // For tables only the last part is compared; otherwise the whole name.
        let last = name.rsplit('.').next().unwrap_or(name);
        let near = nearest(name, known.clone()).or_else(|| nearest(last, known.clone()));
        // The right key in the wrong section is not similar letter by letter.
        let same_end = |known: &&str| known.rsplit('.').next() == Some(last);
        let near = near.or_else(|| known.clone().find(same_end));
        let remedy = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "see `corecast config doc` for all keys".to_owned(),
        };
        self.complain(source, name, "unknown key", remedy);
    }

    /// Reads flags.
    pub(super) fn read_flags(&mut self, flags: &[(&'static str, String)]) {
        for (flag, value) in flags {
            let source = Source::Flag(flag);
            let given = RawValue::Untyped(value);
            if let Some(key) = keys().find(|key| key.flag == Some(flag)) {
                self.set(key, &given, source);
            } else if let Some((_, protocol, name)) =
                LISTENER_FLAGS.iter().find(|(known, ..)| known == flag)
                && let Some(key) = LISTENER_KEYS.iter().find(|key| key.name == *name)
            {
                let index = self.first_listener(*protocol, &source);
                self.set_in_table(index, key, &given, source);
            }
        }
    }

    /// The first listener with this protocol; added if there is none.
    fn first_listener(&mut self, protocol: Protocol, source: &Source) -> usize {
        let mut listeners = self.settings.listeners.iter();
        if let Some(index) = listeners.position(|listen| listen.protocol == protocol) {
            return index;
        }
        let index = self.add_table::<Listen>(source.clone());
        self.settings.listeners[index].protocol = protocol;
        let key = listener_key(index, "protocol");
        self.settings.sources.insert(key, source.clone());
        index
    }
}

/// Reads a value, or returns why it is invalid.
pub(super) fn take<T: Clone>(
    field: &Field<T>,
    into: &mut T,
    name: &str,
    is_secret: bool,
    given: &RawValue<'_>,
    source: &Source,
) -> Option<Problem> {
    if field.read(into, given) {
        return None;
    }
    let shown = match is_secret {
        true => "this".to_owned(),
        false => given.show(),
    };
    let fault = field.fault(into, given);
    let remedy = fault.unwrap_or_else(|| format!("must be {}", field.expects(into)));
    Some(Problem {
        source: source.clone(),
        key: name.to_owned(),
        what: format!("cannot be {shown}"),
        remedy,
    })
}

/// The flag that sets a listener's key, if there is one.
pub(super) fn flag_of(settings: &Settings, key: &str) -> Option<&'static str> {
    LISTENER_FLAGS.iter().find_map(|(flag, protocol, name)| {
        let mut listeners = settings.listeners.iter();
        let first = listeners.position(|listen| listen.protocol == *protocol)?;
        (listener_key(first, name) == key).then_some(*flag)
    })
}

/// The full name of a listener's key.
pub(super) fn listener_key(index: usize, name: &str) -> String {
    table_key::<Listen>(index, name)
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", upper(key))
}

pub(super) fn upper(name: &str) -> String {
    name.replace('.', "_").to_uppercase()
}

/// Whether an orchestrator such as Kubernetes or Docker sets this variable for a service called
/// "corecast": `CORECAST_SERVICE_HOST` and `_PORT`, perhaps followed by the name of a port;
/// `CORECAST_PORT` with a URL, and `CORECAST_PORT_80_TCP` and the like with parts of it.
fn is_of_orchestrator(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_part = name.rsplit_once("_PORT_").is_some_and(|(_, rest)| {
        let mut words = rest.split('_');
        let is_port = words.next().is_some_and(|port| port.parse::<u16>().is_ok());
        is_port && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
    });
    let is_of_service = name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT");
    is_url || is_part || is_of_service
}

/// Flags that set a key of the first listener with a protocol.
pub(super) const LISTENER_FLAGS: &[(&str, Protocol, &str)] = &[
    ("--http", Protocol::Http, "address"),
    ("--tcp", Protocol::LengthPrefix, "address"),
    ("--tcp-topic", Protocol::LengthPrefix, "topic"),
    ("--tcp-role", Protocol::LengthPrefix, "role"),
];
