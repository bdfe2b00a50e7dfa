//! Which layer may import which, as data. A new entry needs a decision record.

use crate::complains;
use crate::tree::File;

/// A layer and the layers it may use, the lowest first. `handler` and the core know each other: the
/// core calls the application, and the application calls the core through its context.
const LAYERS: &[(&str, &[&str])] = &[
    ("address", &["error", "limits"]),
    ("cells", &[]),
    ("published", &[]),
    ("renewal", &[]),
    ("throttle", &["cells", "limits", "time"]),
    ("id", &[]),
    ("limits", &[]),
    ("listed", &[]),
    ("pattern", &["limits"]),
    ("position", &[]),
    ("error", &[]),
    ("time", &[]),
    ("sys", &[]),
    ("proto", &["error", "limits", "listed", "position"]),
    (
        "auth",
        &["cells", "denial", "limits", "pattern", "proto", "published"],
    ),
    ("close_reason", &["listed", "proto"]),
    ("denial", &["close_reason", "listed"]),
    ("payload", &["position", "proto"]),
    (
        "config",
        &[
            "address",
            "limits",
            "namespaces",
            "pattern",
            "proto",
            "time",
        ],
    ),
    ("counters", &["close_reason", "denial", "listed"]),
    (
        "topic",
        &[
            "config", "id", "limits", "pattern", "payload", "position", "proto", "time",
        ],
    ),
    ("user", &["config", "id", "limits", "topic"]),
    ("mesh", &["id", "limits", "sys"]),
    ("net", &["error", "limits"]),
    ("tls", &["error", "limits", "renewal"]),
    (
        "handler",
        &[
            "close_reason",
            "config",
            "error",
            "id",
            "limits",
            "payload",
            "position",
            "proto",
            "time",
            "topic",
            CORE,
        ],
    ),
    (
        CORE,
        &[
            "address",
            "auth",
            "close_reason",
            "config",
            "counters",
            "denial",
            "error",
            "handler",
            "id",
            "limits",
            "payload",
            "position",
            "proto",
            "throttle",
            "time",
            "topic",
            "user",
        ],
    ),
    (
        SHELL,
        &[
            "address", "auth", "config", "counters", "handler", "id", "limits", "mesh", "net",
            "proto", "renewal", "sys", "throttle", "time", "tls", "topic", CORE,
        ],
    ),
    (
        "relay",
        &[
            "auth",
            "close_reason",
            "denial",
            "handler",
            "limits",
            "pattern",
            "position",
            "proto",
            "published",
            "topic",
            CORE,
        ],
    ),
    ("backplane", &["id", "topic", CORE]),
    (
        "redis",
        &[
            "backplane",
            "client",
            CLIENT_CORE,
            "config",
            "handler",
            "id",
            "limits",
            "payload",
            "position",
            "proto",
            "sys",
            "time",
            "tls",
            "topic",
            CORE,
        ],
    ),
    (
        "server",
        &[
            "address",
            "auth",
            "backplane",
            "config",
            "counters",
            "error",
            "handler",
            "id",
            "limits",
            "mesh",
            "net",
            "payload",
            "position",
            "proto",
            "renewal",
            "sys",
            "throttle",
            "time",
            "tls",
            "topic",
            CORE,
            SHELL,
        ],
    ),
    (
        CLIENT_CORE,
        &["error", "limits", "position", "proto", "time", "tls"],
    ),
    (
        CLIENT,
        &["limits", "position", "proto", "time", "tls", CLIENT_CORE],
    ),
    (
        "admin",
        &[
            "backplane",
            "close_reason",
            "counters",
            "denial",
            "handler",
            "id",
            "limits",
            "net",
            "pattern",
            "proto",
            "server",
            "sys",
            "throttle",
            "time",
        ],
    ),
    (
        "settings",
        &[
            "address", "auth", "config", "limits", "net", "proto", "redis", "relay", "server",
            "time", "tls", SHELL,
        ],
    ),
    ("doctor", &["limits", "server", "settings", "sys"]),
    (
        "cli",
        &[
            "auth", "client", "doctor", "position", "proto", "server", "settings", "sys",
        ],
    ),
];

/// The pure part of a shard, and the part that has a thread.
const CORE: &str = "shard core";
const SHELL: &str = "shard";

/// The same for a client, which nothing else of the package uses.
const CLIENT_CORE: &str = "client core";
const CLIENT: &str = "client";

/// The files of `client` that are its core.
const CLIENT_CORE_FILES: &[&str] = &["core", "error", "wire"];

/// No layers: what puts the crate together, and what exists for tests alone.
const OUTSIDE: &[&str] = &["lib", "main", "internals"];

/// Complains of imports that the table does not have.
pub(crate) fn imports(file: &File) -> Vec<String> {
    let Some(layer) = layer_of(&file.path).filter(|_| !file.is_test()) else {
        return Vec::new();
    };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (at, line) in file.code() {
        for path in line.split("crate::").skip(1) {
            let used = used_layer(path);
            if used != layer && !allowed.contains(&used) {
                problems.push(format!(
                    "{}:{at}: `{layer}` may not use `{used}`",
                    file.path
                ));
            }
        }
        if line.contains("super::super") || line.contains("::*;") {
            problems.push(format!(
                "{}:{at}: imports begin with `crate::` and name things",
                file.path
            ));
        }
    }
    problems
}

/// Complains of modules that the table does not have.
pub(crate) fn missing(sources: &[File]) -> Vec<String> {
    let known =
        |layer: &str| OUTSIDE.contains(&layer) || LAYERS.iter().any(|(name, _)| *name == layer);
    sources
        .iter()
        .filter_map(|file| layer_of(&file.path).map(|layer| (file, layer)))
        .filter(|(_, layer)| !known(layer))
        .map(|(file, layer)| format!("{}: `{layer}` is in no layer", file.path))
        .collect()
}

/// The layer of a source file, `None` for what is not in `src`.
fn layer_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let (folder, file) = inside.split_once('/').unwrap_or((inside, ""));
    Some(match folder {
        // What both sides of a lane say is known to both.
        "shard" if !file.starts_with("shell/") => CORE,
        "client" if CLIENT_CORE_FILES.contains(&file.split('/').next().unwrap_or(file)) => {
            CLIENT_CORE
        }
        folder => folder,
    })
}

/// The layer that a path names, given what follows its `crate::`.
fn used_layer(path: &str) -> &str {
    let mut parts = path.split(|c: char| !c.is_alphanumeric() && c != '_');
    let module = parts.next().unwrap_or_default();
    match (module, parts.nth(1)) {
        ("shard", Some("core" | "mail")) => CORE,
        ("client", Some(file)) if CLIENT_CORE_FILES.contains(&file) => CLIENT_CORE,
        _ => module,
    }
}

#[test]
fn an_import_from_above_is_found() {
    assert!(complains(
        imports,
        "src/proto/x.rs",
        "use crate::shard::core::ShardCore;"
    ));
    assert!(complains(
        imports,
        "src/shard/core/mod.rs",
        "use crate::shard::shell::event_loop::EventLoop;"
    ));
    assert!(complains(
        imports,
        "src/shard/core/egress/write.rs",
        "    crate::mesh::lane();"
    ));
    assert!(complains(
        imports,
        "src/client/core/life.rs",
        "use crate::client::shell::Shell;"
    ));
    assert!(complains(
        imports,
        "src/client/shell.rs",
        "use crate::shard::core::ShardCore;"
    ));
    assert!(complains(
        imports,
        "src/shard/shell/event_loop/mod.rs",
        "use crate::client::wire::Wire;"
    ));
    assert!(complains(
        imports,
        "src/topic/mod.rs",
        "use super::super::topic::Log;"
    ));
    assert!(complains(
        imports,
        "src/topic/mod.rs",
        "use crate::topic::*;"
    ));
    assert!(!complains(
        imports,
        "src/shard/shell/event_loop/mod.rs",
        "use crate::shard::core::ShardCore;"
    ));
    assert!(!complains(
        imports,
        "src/client/shell.rs",
        "use crate::client::core::Core;"
    ));
    assert!(!complains(
        imports,
        "src/proto/x.rs",
        "// use crate::shard::core::ShardCore;"
    ));
}

#[test]
fn a_module_without_a_layer_is_found() {
    let file = |path| [File::new(path, "")];
    assert!(!missing(&file("src/util/mod.rs")).is_empty());
    assert!(missing(&file("src/topic/log.rs")).is_empty());
    assert!(missing(&file("benches/fanout.rs")).is_empty());
}
