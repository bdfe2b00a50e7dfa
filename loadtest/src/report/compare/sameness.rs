//! Whether two runs were asked for the same, and where they were made.

use std::collections::BTreeSet;

use serde_json::Value;

/// Flags that say where a run was made or where its figures went, not what it was.
const LEFT_OUT: &[&str] = &["json", "html", "quiet", "server-pid", "topic", "corecast"];
/// What of a host makes a difference that no flag tells of.
const OF_HOST: &[&str] = &["kernel", "cpu_model", "cpus", "memory_bytes"];

/// What keeps two runs from being compared: another command, or other flags.
pub(crate) fn of_flags(before: &Value, after: &Value) -> Vec<String> {
    let (one, other) = (&before["parameters"], &after["parameters"]);
    let flags = [one, other].into_iter().filter_map(Value::as_object);
    let names: BTreeSet<&str> = flags.flatten().map(|(name, _)| name.as_str()).collect();
    let names = names.into_iter().filter(|name| !LEFT_OUT.contains(name));
    let commands = different(before, after, ["command"]);
    commands.chain(different(one, other, names)).collect()
}

/// What makes two runs of the same flags differ all the same.
pub(crate) fn of_hosts(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (&before["environment"], &after["environment"]);
    different(before, after, OF_HOST.iter().copied()).collect()
}

fn different<'a>(
    before: &'a Value,
    after: &'a Value,
    names: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = String> {
    names.into_iter().filter_map(|name| {
        let (one, other) = (plain(&before[name]), plain(&after[name]));
        (one != other).then(|| format!("{name}: {one} before, {other} after"))
    })
}

/// A value without what is another one in each run: the address of a server.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "not given".to_owned(),
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
    use serde_json::json;

    use super::*;

    #[test]
    fn runs_differ_by_command_and_flags_and_not_by_addresses() {
        let before = json!({ "command": "fanout", "parameters": {
            "url": ["ws://127.0.0.1:1/sub/a"], "connections": 10, "json": "a.json" } });
        let mut after = json!({ "command": "fanout", "parameters": {
            "url": ["ws://127.0.0.1:2/sub/a"], "connections": 10, "json": "b.json" } });
        assert_eq!(of_flags(&before, &after), [""; 0]);
        after["parameters"]["connections"] = 20.into();
        after["parameters"]["rate"] = 5.into();
        after["command"] = "echo".into();
        assert_eq!(
            of_flags(&before, &after),
            [
                "command: fanout before, echo after",
                "connections: 10 before, 20 after",
                "rate: not given before, 5 after"
            ]
        );
    }

    #[test]
    fn hosts_differ_by_what_decides_their_speed() {
        let at = |cpus: u32| json!({ "environment": { "cpus": cpus, "started": cpus } });
        assert_eq!(of_hosts(&at(2), &at(2)), [""; 0]);
        assert_eq!(of_hosts(&at(2), &at(4)), ["cpus: 2 before, 4 after"]);
    }
}
