//! Documents: links, kernel settings, and the tables that name functions and tests.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tree::File;

/// The pages that a reader begins with.
const ROOTS: &[&str] = &["README.md", "docs/ARCHITECTURE.md"];

/// Complains of relative links to files that do not exist.
pub(crate) fn links(pages: &[File]) -> Vec<String> {
    let exists = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists();
    dead_links(pages, exists)
}

fn dead_links(pages: &[File], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for page in pages {
        for target in targets(page) {
            if !exists(&target) {
                problems.push(format!("{}: no {target}", page.path));
            }
        }
    }
    problems
}

/// Complains of pages that no chain of links leads to.
pub(crate) fn unreached(pages: &[File]) -> Vec<String> {
    let mut reached: BTreeSet<String> = ROOTS.iter().map(|&root| root.to_owned()).collect();
    let mut next: Vec<String> = reached.iter().cloned().collect();
    while let Some(path) = next.pop() {
        let page = pages.iter().find(|page| page.path == path);
        for target in page.map(targets).unwrap_or_default() {
            if reached.insert(target.clone()) {
                next.push(target);
            }
        }
    }
    let lost = pages.iter().filter(|page| !reached.contains(&page.path));
    lost.map(|page| format!("{}: no link leads here", page.path))
        .collect()
}

/// The files that a page links to, from the root of the repository.
fn targets(page: &File) -> Vec<String> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    let mut is_code = false;
    for line in page.text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            continue;
        }
        for link in line.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                found.push(resolve(folder, target));
            }
        }
    }
    found
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Complains of kernel settings that the README does not explain with their value.
pub(crate) fn settings(files: &[File], readme: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let sysctl = files.iter().filter(|file| file.path.starts_with("sysctl/"));
    for line in sysctl.flat_map(|file| file.text.lines()) {
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let row = format!("| `{}` | `{}` |", key.trim(), value.trim());
        if !readme.contains(&row) {
            problems.push(format!("sysctl/README.md: no row `{row}`"));
        }
    }
    problems
}

/// Complains of functions and tests in the last table of PROTOCOL.md that do not exist.
pub(crate) fn rfc_table(page: &str, sources: &[File]) -> Vec<String> {
    let table = page.split("\n## RFC 6455").nth(1).unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut problems = Vec::new();
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, section, functions, tests, _] = cells[..] else {
            problems.push(format!("docs/PROTOCOL.md: three columns, please: {row}"));
            continue;
        };
        count += 1;
        let of_product = |file: &&File| file.path.starts_with("src/") && !file.is_test();
        for name in quoted(functions) {
            if !sources
                .iter()
                .filter(of_product)
                .any(|file| has(file, name))
            {
                problems.push(format!("docs/PROTOCOL.md: {section}: no `{name}`"));
            }
        }
        for name in quoted(tests) {
            if !sources.iter().any(|file| has(file, name)) {
                problems.push(format!("docs/PROTOCOL.md: {section}: no test `{name}`"));
            }
        }
        if quoted(tests).next().is_none() {
            problems.push(format!("docs/PROTOCOL.md: {section} has no test"));
        }
    }
    if count == 0 {
        problems.push("docs/PROTOCOL.md: the table is not there".to_owned());
    }
    problems
}

/// Whether a file has the function `name`: a function of the module or of the type that stands
/// before it, if there is one.
fn has(file: &File, name: &str) -> bool {
    let (owner, bare) = name.rsplit_once("::").unwrap_or(("", name));
    let is_type = owner.starts_with(|c: char| c.is_ascii_uppercase());
    let is_owner = if is_type {
        let heads = [format!("struct {owner}"), format!("enum {owner}")];
        heads.iter().any(|head| file.text.contains(head))
    } else {
        let file_of = format!("/{owner}.rs");
        owner.is_empty() || file.path.ends_with(&file_of)
    };
    let heads = [format!("fn {bare}("), format!("fn {bare}<")];
    is_owner && heads.iter().any(|head| file.text.contains(head))
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn a_dead_link_and_a_lost_page_are_found() {
    let pages = [
        File::new(
            "README.md",
            "[a](docs/A.md#top), [out](https://example.com/x)",
        ),
        File::new("docs/ARCHITECTURE.md", ""),
        File::new(
            "docs/A.md",
            "```\n[no](link)\n```\n[b](decisions/../gone.md)",
        ),
        File::new("docs/LOST.md", "[self](LOST.md)"),
    ];
    let exists = |path: &str| pages.iter().any(|page| page.path == path);
    assert_eq!(dead_links(&pages, exists), ["docs/A.md: no docs/gone.md"]);
    assert_eq!(unreached(&pages), ["docs/LOST.md: no link leads here"]);
}

#[test]
fn a_setting_without_a_reason_is_found() {
    let conf = [File::new(
        "sysctl/60-x.conf",
        "# note = 1\na.b = 1\nc.d = 2 3\n",
    )];
    assert_eq!(settings(&conf, "| `a.b` | `1` | because |").len(), 1);
    assert_eq!(
        settings(&conf, "| `a.b` | `1` | x |\n| `c.d` | `2 4` | y |").len(),
        1
    );
    assert_eq!(
        settings(&conf, "| `a.b` | `1` | x |\n| `c.d` | `2 3` | y |").len(),
        0
    );
}

#[test]
fn a_row_that_names_nothing_is_found() {
    let sources = [
        File::new("src/x.rs", "fn parse(\nstruct Reader\nfn read<"),
        File::new("src/y.rs", "fn write("),
        File::new("tests/x.rs", "fn it_works("),
    ];
    let page =
        |row: &str| format!("\n## RFC 6455\n| section | function | test |\n|---|---|---|\n{row}\n");
    let problems = |row: &str| rfc_table(&page(row), &sources).len();
    assert_eq!(problems("| 5.2 | `x::parse` | `it_works` |"), 0);
    assert_eq!(problems("| 5.2 | `Reader::read` | `it_works` |"), 0);
    for elsewhere in [
        "unparse",
        "y::parse",
        "x::write",
        "Reader::write",
        "Writer::read",
        "it_works",
    ] {
        let row = format!("| 5.2 | `{elsewhere}` | `it_works` |");
        assert_eq!(problems(&row), 1, "{elsewhere}");
    }
    assert_eq!(problems("| 5.2 | `parse` | `it_fails` |"), 1);
    assert_eq!(problems("| 5.2 | `parse` | none |"), 1);
    assert_eq!(problems(""), 1);
}
