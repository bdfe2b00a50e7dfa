//! Keys whose value is a secret.

use crate::settings::draft::Draft;
use crate::settings::field::Field;
use crate::settings::keys::Key;
use crate::settings::raw_value::RawValue;
use crate::settings::tests::{load, read};
use crate::settings::{Listen, Source, write};

#[test]
fn a_key_of_the_api_is_one_word() {
    let key = |key: &str| load("", &[("CORECAST_API_KEY", key)], &[]);
    assert_eq!(key("a-key~1!"), [""; 0]);
    assert_eq!(key(""), [""; 0]);
    for wrong in ["two words", "näh", "line\n"] {
        let problems = key(wrong);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let expected = "CORECAST_API_KEY: api.key: contains a character that HTTP header";
        assert!(problems[0].starts_with(expected), "{problems:?}");
        assert!(!problems[0].contains(wrong), "{problems:?}");
    }
    let settings = read("", &[("CORECAST_API_KEY", "hunter2")], &[]).unwrap();
    assert!(!format!("{settings:?}{:?}", settings.relay()).contains("hunter2"));
}

#[test]
fn a_secret_is_never_shown() {
    static SECRET: Key<Listen> = Key {
        name: "name",
        field: Field::Text(|l| &mut l.name, 8..=64),
        flag: None,
        is_secret: true,
        is_required: false,
        doc: "A secret.",
    };
    let mut draft = Draft::default();
    for word in ["hunter2", "hunter2hunter2"] {
        let source = Source::Env("X".to_owned());
        draft.set_in_table(0, &SECRET, &RawValue::Untyped(word), source);
    }
    let problems = format!("{:?}", draft.problems);
    assert!(
        problems.contains("cannot be this") && !problems.contains("hunter2"),
        "{problems}"
    );
    let mut text = String::new();
    write::line(&mut text, &SECRET, &draft.settings.listeners[0], "");
    assert_eq!(text, "# name = \"***\"\n");
    assert_eq!(draft.settings.listeners[0].name, "hunter2hunter2");
}
