//! Tests of the configuration from texts to settings.

mod errors;
#[cfg(feature = "auth")]
mod identity;
mod keys;
mod namespaces;
mod secrets;
mod sources;

use crate::settings::{Input, Problem, Settings};

fn load(text: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Vec<String> {
    let problems = read(text, env, flags).err().unwrap_or_default();
    problems.iter().map(Problem::to_string).collect()
}

fn read(
    text: &str,
    env: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Settings, Vec<Problem>> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings::load(&Input {
        file: Some(("c.toml", text)),
        env: env.iter().map(owned).collect(),
        flags: flags
            .iter()
            .map(|(flag, value)| (*flag, (*value).to_owned()))
            .collect(),
    })
}

/// All values, without where they come from.
fn values(settings: &Settings) -> String {
    let mut settings = settings.clone();
    settings.sources.clear();
    format!("{settings:?}")
}

#[test]
fn a_builder_gets_what_was_set() {
    let text = "shards = 3\nfd_tables = \"shared\"\n[limits]\nconnections = 5\n\
                [compression]\nlevel = 7\n";
    let settings = read(text, &[], &[]).unwrap();
    assert_eq!(settings.builder().capacity(), 5);
    let builder = format!("{:?}", settings.builder());
    for field in [
        "shards: 3",
        "own_tables: false",
        "pin: None",
        "127.0.0.1:9000",
        "compression: Some(Compression { level: 7, ",
    ] {
        assert!(builder.contains(field), "no {field}: {builder}");
    }
    let off = read("[compression]\nenabled = false\n", &[], &[]).unwrap();
    assert!(format!("{:?}", off.builder()).contains("compression: None"));
}
