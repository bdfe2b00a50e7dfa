//! The parts of a shard's core: calls between its folders go down only.

use std::collections::BTreeMap;

use crate::complains;
use crate::tree::File;

/// The folders, the highest first: that of the core itself, and those in it. Each may call those
/// after it.
const FOLDERS: &[&str] = &[
    "", "ingress", "session", "app", "egress", "delivery", "life", "pubsub", "conns", "conn",
];

/// Folders whose types know no `Shard`: so the compiler keeps them from calling what is above.
const PARTS: &[&str] = &["pubsub", "conns", "conn"];

/// What differs between protocols is in one file, for all folders.
const FOR_ALL: &str = "ingress::protocol";

const CORE: &str = "src/shard/core/";

/// Complains of imports from above.
pub(crate) fn imports(file: &File) -> Vec<String> {
    let Some(folder) = folder_of(file) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (at, line) in file.code() {
        for path in line.split("crate::shard::core::").skip(1) {
            let used = path.split(|c: char| !c.is_alphanumeric() && c != '_');
            let used = used.into_iter().next().unwrap_or_default();
            let is_above = rank(used) < rank(folder) && !path.starts_with(FOR_ALL);
            let is_whole = matches!(used, "ShardCore" | "shard") && PARTS.contains(&folder);
            if is_above || is_whole {
                problems.push(format!(
                    "{}:{at}: `{folder}` may not use `{used}`",
                    file.path
                ));
            }
        }
    }
    problems
}

/// Complains of calls of methods that a folder above adds to `ShardCore` or `Shard`.
pub(crate) fn calls(sources: &[File]) -> Vec<String> {
    let sources = || sources.iter().filter(|file| file.path.starts_with(CORE));
    let mut methods = BTreeMap::new();
    for file in sources() {
        let folder = folder_of(file).unwrap_or_default();
        let names = blocks(file).filter_map(|(_, of, line)| Some((of, method(line)?)));
        methods.extend(names.map(|method| (method, folder)));
    }
    let mut problems = Vec::new();
    for file in sources() {
        let Some(folder) = folder_of(file) else {
            continue;
        };
        for (at, of, line) in chains(file) {
            let called = called(&line, of);
            let above = called.filter_map(|method| Some((method, *methods.get(&method)?)));
            let above = above.filter(|(_, above)| rank(above) < rank(folder));
            problems.extend(above.map(|((_, name), above)| {
                format!("{}:{at}: `{folder}` calls `{name}` of `{above}`", file.path)
            }));
        }
    }
    problems
}

/// The name of the method that begins in a line of an `impl` block.
fn method(line: &str) -> Option<&str> {
    let line = line
        .strip_prefix("    ")
        .filter(|line| !line.starts_with(' '))?;
    let (_, name) = line.split_once("fn ")?;
    name.split(['(', '<']).next()
}

/// The methods that a line in a block of `of` calls on `self` and on the shard.
fn called<'l>(line: &'l str, of: &'static str) -> impl Iterator<Item = (&'static str, &'l str)> {
    let receivers = [("self.", of), ("shard.", "Shard")];
    receivers.into_iter().flat_map(move |(receiver, of)| {
        line.split(receiver).skip(1).filter_map(move |call| {
            let (name, _) = call.split_once('(')?;
            let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name.then_some((of, name))
        })
    })
}

/// Numbered lines of code in `impl` blocks of `ShardCore` and `Shard`, with the name of that.
fn blocks(file: &File) -> impl Iterator<Item = (usize, &'static str, &str)> {
    let mut of = None;
    file.code().filter_map(move |(at, line)| {
        if line.starts_with("impl") {
            let is = |name: &str| line.contains(&format!("> {name}<"));
            of = ["ShardCore", "Shard"].into_iter().find(|name| is(name));
        }
        Some((at, of?, line))
    })
}

/// The same with chains of calls in one line.
fn chains(file: &File) -> Vec<(usize, &'static str, String)> {
    let mut chains: Vec<(usize, &str, String)> = Vec::new();
    for (at, of, line) in blocks(file) {
        match chains.last_mut() {
            Some((_, _, chain)) if line.trim_start().starts_with('.') => {
                chain.push_str(line.trim_start());
            }
            _ => chains.push((at, of, line.to_owned())),
        }
    }
    chains
}

/// The folder of a file of the core, if it is in one.
fn folder_of(file: &File) -> Option<&str> {
    if file.is_test() {
        return None;
    }
    let (folder, _) = file.path.strip_prefix(CORE)?.split_once('/')?;
    Some(folder)
}

/// The lower the number, the higher it stands; files of the core itself may be imported by all.
fn rank(folder: &str) -> usize {
    let rank = FOLDERS.iter().position(|known| *known == folder);
    rank.unwrap_or(FOLDERS.len())
}

/// Complains of folders that are not in the list.
pub(crate) fn missing(sources: &[File]) -> Vec<String> {
    let folders = sources.iter().filter_map(folder_of);
    let unknown = folders.filter(|folder| !FOLDERS.contains(folder));
    let problems = unknown.map(|folder| format!("{CORE}{folder} is not in the list of folders"));
    problems.collect()
}

#[test]
fn an_import_from_a_folder_above_is_found() {
    let conns = "src/shard/core/conns/x.rs";
    let life = "src/shard/core/life/x.rs";
    let upward = "use crate::shard::core::app::rooms::Rooms;";
    assert!(complains(imports, conns, upward) && complains(imports, life, upward));
    let whole = "use crate::shard::core::shard::Shard;";
    assert!(complains(imports, conns, whole) && !complains(imports, life, whole));
    for path in ["conn::Conn", "ingress::protocol::Protocol", "env::Env"] {
        let line = format!("use crate::shard::core::{path};");
        assert!(!complains(imports, conns, &line), "{path}");
    }
    assert!(!complains(imports, "src/shard/core/shard.rs", upward));
}

#[test]
fn a_call_of_a_folder_above_is_found() {
    let above = "impl<D, A> Shard<D, A> {\n    pub fn order(&mut self) {}\n}\n";
    let above = || File::new("src/shard/core/delivery/order.rs", above);
    let found = |path: &str, text: &str| calls(&[above(), File::new(path, text)]).len();
    let call = "impl<D, A> Shard<D, A> {\n    fn x(&mut self) {\n        self.order();\n    }\n}\n";
    assert_eq!(found("src/shard/core/life/x.rs", call), 1);
    assert_eq!(found("src/shard/core/egress/x.rs", call), 0);
    let call = call
        .replace("Shard<D, A>", "ShardCore<H>")
        .replace("self.", "self\n            .shard\n            .");
    assert_eq!(found("src/shard/core/life/x.rs", &call), 1);
    // A method of a part may have the same name.
    let own = call.replace("ShardCore<H>", "Homes<D>");
    assert_eq!(found("src/shard/core/pubsub/x.rs", &own), 0);
    assert_eq!(
        missing(&[File::new("src/shard/core/util/x.rs", "")]).len(),
        1
    );
}
