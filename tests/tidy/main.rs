//! The rules of the tree that no compiler holds: layers, sizes, leftovers, and docs in step.
//!
//! Each check is a function of a text, so that each has a test in which it complains.

#![expect(clippy::unwrap_used, reason = "test support")]

mod core;
mod docs;
mod layers;
mod leftovers;
mod outside;
mod outsiders;
mod tree;
mod wording;

use tree::{File, files};

/// Fails with every problem, not only the first.
fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Whether a check finds something in a file of this path and text.
fn complains(check: impl Fn(&File) -> Vec<String>, path: &str, text: &str) -> bool {
    !check(&File::new(path, text)).is_empty()
}

fn check_sources(check: impl Fn(&File) -> Vec<String>) {
    let sources = files(&["rs"]);
    assert!(50 < sources.len(), "the sources were not found");
    let problems: Vec<String> = sources.iter().flat_map(check).collect();
    report(&problems);
}

#[test]
fn modules_import_only_what_is_below_them() {
    check_sources(layers::imports);
    report(&layers::missing(&files(&["rs"])));
}

#[test]
fn calls_in_the_core_of_a_shard_go_down() {
    check_sources(core::imports);
    let sources = files(&["rs"]);
    report(&core::calls(&sources));
    report(&core::missing(&sources));
}

#[test]
fn only_the_shell_names_sockets_clocks_logs_and_channels() {
    check_sources(outside::outsiders);
}

#[test]
fn only_sys_is_unsafe() {
    check_sources(outside::unsafe_code);
}

#[test]
fn files_and_folders_fit_into_a_head() {
    check_sources(leftovers::size);
    let sources = files(&["rs"]);
    report(&leftovers::folders(&sources));
    report(&leftovers::reasons(&sources));
}

#[test]
fn lines_fit_on_a_screen() {
    check_sources(wording::columns);
}

#[test]
fn words_are_those_of_the_lexicon() {
    let files = files(&["rs", "md"]);
    report(&files.iter().flat_map(wording::lexicon).collect::<Vec<_>>());
}

#[test]
fn every_package_comes_from_the_public_index() {
    let locks = files(&["lock"]);
    assert!(!locks.is_empty(), "no lock file");
    report(
        &locks
            .iter()
            .flat_map(leftovers::package_sources)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_source_file_says_what_it_knows() {
    check_sources(leftovers::first_line);
}

#[test]
fn nothing_is_left_over() {
    let all = files(&[
        "rs",
        "md",
        "toml",
        "lock",
        "html",
        "conf",
        "svg",
        "sh",
        "py",
        "run",
        "inline-send",
    ]);
    let is_there = |path: &str| all.iter().any(|file| file.path == path);
    assert!(is_there(".ci/run") && is_there(".ci/inline-send") && is_there("Cargo.lock"));
    report(&all.iter().flat_map(leftovers::words).collect::<Vec<_>>());
}

#[test]
fn every_page_is_reached_and_every_link_leads_somewhere() {
    let pages = files(&["md"]);
    report(&docs::links(&pages));
    report(&docs::unreached(&pages));
}

#[test]
fn every_kernel_setting_is_explained() {
    let settings = files(&["conf"]);
    let pages = files(&["md"]);
    let readme = pages.iter().find(|page| page.path == "sysctl/README.md");
    report(&docs::settings(&settings, &readme.unwrap().text));
}

#[test]
fn the_rfc_table_names_functions_and_tests_that_exist() {
    let pages = files(&["md"]);
    let protocol = pages.iter().find(|page| page.path == "docs/PROTOCOL.md");
    report(&docs::rfc_table(&protocol.unwrap().text, &files(&["rs"])));
}
