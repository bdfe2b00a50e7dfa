//! Whether two runs were asked for the same, and where they were made.

use serde_json::{Map, Value};

/// Flags that say where a run was made or where its figures went, not what it was.
const LEFT_OUT: &[&str] = &["json", "html", "quiet", "server-pid", "topic", "corecast"];
/// What of a host makes a difference that no flag tells of.
const OF_HOST: &[&str] = &["kernel", "cpu_model", "cpus", "memory_bytes"];

/// Something that two runs do not have in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// What keeps two runs from being compared: another command, or other flags.
pub(crate) fn of_flags(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    let mut found = differing(before, after, &["command"]);
    let empty = Map::new();
    let flags = |run: &Map<String, Value>| match run.get("parameters") {
        Some(Value::Object(flags)) => flags.clone(),
        _ => empty.clone(),
    };
    let (before, after) = (flags(before), flags(after));
    let mut names: Vec<&str> = before
        .keys()
        .chain(after.keys())
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !LEFT_OUT.contains(name));
    found.extend(differing(&before, &after, &names));
    found
}

/// What makes two runs of the same flags differ all the same.
pub(crate) fn of_hosts(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    match (before.get("environment"), after.get("environment")) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            differing(before, after, OF_HOST)
        }
        _ => Vec::new(),
    }
}

fn differing(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    names: &[&str],
) -> Vec<Difference> {
    let text = |run: &Map<String, Value>, name: &str| {
        run.get(name).map_or_else(|| "not given".to_owned(), plain)
    };
    let difference = |name: &&str| Difference {
        name: (*name).to_owned(),
        before: text(before, name),
        after: text(after, name),
    };
    names
        .iter()
        .map(difference)
        .filter(|difference| difference.before != difference.after)
        .collect()
}

/// A value without what is another one in each run: the address of a server.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => match text.split_once("://") {
            Some((scheme, rest)) => {
                format!("{scheme}://{}", rest.find('/').map_or("", |at| &rest[at..]))
            }
            None => text.clone(),
        },
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn runs_differ_by_command_and_flags_and_not_by_addresses() {
        let before = run(serde_json::json!({ "command": "fanout", "parameters": {
            "url": ["ws://127.0.0.1:1/sub/a"], "connections": 10, "json": "a.json" } }));
        let mut after = run(serde_json::json!({ "command": "fanout", "parameters": {
            "url": ["ws://127.0.0.1:2/sub/a"], "connections": 10, "json": "b.json" } }));
        assert_eq!(of_flags(&before, &after), []);
        after["parameters"]["connections"] = 20.into();
        after["parameters"]["rate"] = 5.into();
        after["command"] = "echo".into();
        let names: Vec<String> = of_flags(&before, &after)
            .into_iter()
            .map(|found| found.name)
            .collect();
        assert_eq!(names, ["command", "connections", "rate"]);
    }

    #[test]
    fn hosts_differ_by_what_decides_their_speed() {
        let at = |cpus: u32| {
            run(serde_json::json!({ "environment": { "cpus": cpus, "started": cpus } }))
        };
        assert_eq!(of_hosts(&at(2), &at(2)), []);
        assert_eq!(of_hosts(&at(2), &at(4))[0].name, "cpus");
    }
}
