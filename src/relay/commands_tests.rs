use super::{Batch, Command};
use crate::limits::API_ENTRIES_MAX;
use crate::proto::Kind;

fn message(json: &str) -> Option<(Kind, Vec<u8>)> {
    let command: Command<'_> = serde_json::from_str(json).unwrap();
    let message = command.message();
    message.map(|(kind, bytes)| (kind, bytes.into_owned()))
}

#[test]
fn data_is_passed_on_as_it_is_written() {
    for data in [
        "{}",
        "null",
        "0",
        "-1.50e+3",
        "\"\\u00e9é\\n\"",
        "[1, {\"a\" :2}]",
        "1e999",
    ] {
        let json = format!("{{\"channel\":\"a\",\"data\": {data} }}");
        let expected = Some((Kind::Text, data.as_bytes().to_vec()));
        assert_eq!(message(&json), expected, "{data}");
    }
    let lines = message("{\"data\":{\r\n\"a\":1\n}}");
    assert_eq!(lines, Some((Kind::Text, b"{  \"a\":1 }".to_vec())));
}

#[test]
fn bytes_come_as_base64_and_go_before_data() {
    let binary = |bytes: &[u8]| Some((Kind::Binary, bytes.to_vec()));
    assert_eq!(message("{\"b64data\":\"AP8K\"}"), binary(b"\0\xff\n"));
    assert_eq!(
        message("{\"data\":null,\"b64data\":\"Zg==\"}"),
        binary(b"f")
    );
    let both = message("{\"data\":1,\"b64data\":\"\"}");
    assert_eq!(both, Some((Kind::Text, b"1".to_vec())));
    for bad in ["Zg", "Zg=", "Z===", "Zh==", "Z g==", "-_8="] {
        assert_eq!(
            message(&format!("{{\"b64data\":\"{bad}\"}}")),
            None,
            "{bad}"
        );
    }
    assert_eq!(message("{}"), None);
}

#[test]
fn what_means_nothing_here_is_ignored() {
    let json = "{\"channel\":\"a\",\"data\":1,\"tags\":{\"b\":\"c\"},\"skip_history\":true,\
        \"delta\":true,\"idempotency_key\":null}";
    let command: Command<'_> = serde_json::from_str(json).unwrap();
    assert_eq!(
        (command.channel.as_deref(), command.once()),
        (Some("a"), "")
    );
    let batch = "{\"commands\":[{\"publish\":{}},{\"presence\":{}},null],\"parallel\":true}";
    let batch: Batch<'_> = serde_json::from_str(batch).unwrap();
    let has = batch.commands.0.iter().map(|command| {
        let command = command.as_ref();
        command.map(|command| command.publish.is_some())
    });
    assert!(has.eq([Some(true), Some(false), None]));
}

fn is_batch(commands: &str) -> bool {
    Batch::read(format!("{{\"commands\":[{commands}]}}").as_bytes()).is_ok()
}

#[test]
fn a_field_that_is_like_another_is_noted_before_one_that_is_not() {
    let unknown = |json: &str| {
        let command: Command<'_> = serde_json::from_str(json).unwrap();
        command.unknown.map(|unknown| (unknown.name, unknown.meant))
    };
    let noted = |name: &str, meant| Some((name.to_owned(), meant));
    assert_eq!(unknown("{\"channel\":\"a\"}"), None);
    assert_eq!(unknown("{\"meta\":{}}"), noted("meta", None));
    for (slip, meant) in [
        ("chanel", "channel"),
        ("Channel", "channel"),
        ("chanels", "channels"),
        ("date", "data"),
        ("base64data", "b64data"),
        ("idempotencyKey", "idempotency_key"),
        ("skipHistory", "skip_history"),
    ] {
        let json = format!("{{\"meta\":1,\"{slip}\":[{{\"a\":2}}],\"delta\":true}}");
        assert_eq!(unknown(&json), noted(slip, Some(meant)));
    }
    let long = format!("{{\"{}\":1}}", "x".repeat(65));
    assert_eq!(unknown(&long), None);
}

#[test]
fn a_field_is_there_once_and_a_command_is_an_object() {
    for bad in [
        "{\"channel\":\"a\",\"channel\":\"a\"}",
        "{\"data\":1,\"data\":1}",
        "[\"a\",null,1]",
        "{\"channel\":1}",
    ] {
        assert!(serde_json::from_str::<Command<'_>>(bad).is_err(), "{bad}");
    }
}

#[test]
fn no_body_makes_more_entries_than_there_may_be() {
    for (count, is_good) in [(API_ENTRIES_MAX, true), (API_ENTRIES_MAX + 1, false)] {
        assert_eq!(is_batch(&vec!["null"; count].join(",")), is_good, "{count}");
        let names = vec!["\"\""; count].join(",");
        let broadcast = format!("{{\"broadcast\":{{\"data\":1,\"channels\":[{names}]}}}}");
        assert_eq!(is_batch(&broadcast), is_good, "{count} channels");
    }
}

#[test]
fn all_lists_of_a_body_have_one_limit_together() {
    let names = vec!["\"\""; API_ENTRIES_MAX / 4].join(",");
    let broadcast = format!("{{\"broadcast\":{{\"data\":1,\"channels\":[{names}]}}}}");
    let batch = |rest: &[&str]| [&[broadcast.as_str(); 3], rest].concat().join(",");
    assert!(is_batch(&batch(&[&broadcast])));
    for one_more in ["null", "{}", "{\"publish\":{}}", "{\"broadcast\":{}}"] {
        assert!(is_batch(&batch(&[one_more])), "{one_more}");
        assert!(!is_batch(&batch(&[&broadcast, one_more])), "{one_more}");
    }
    let publishes = ["{\"publish\":{\"data\":1}}"; API_ENTRIES_MAX / 4 + 1];
    assert!(!is_batch(&batch(&publishes)), "messages and lists together");
}

#[test]
fn channels_are_texts() {
    for bad in ["[1]", "1", "{}", "[\"a\",null]", "\"a\""] {
        let json = format!("{{\"channels\":{bad}}}");
        assert!(serde_json::from_str::<Command<'_>>(&json).is_err(), "{bad}");
    }
    let json = "{\"channels\":[\"a\",\"\\u00e9\"]}";
    let command: Command<'_> = serde_json::from_str(json).unwrap();
    assert_eq!(command.channels().unwrap().0, ["a", "é"]);
    let none: Command<'_> = serde_json::from_str("{\"channels\":null}").unwrap();
    assert!(none.channels().is_none());
}

#[test]
fn an_error_in_an_array_of_names_has_its_place_in_the_body() {
    for (body, line) in [
        ("{\"data\":1,\"channels\":[\"a\",1]}", 1),
        ("{\"data\":1,\n\n\"channels\":[\"a\",1]}", 3),
        ("{\"data\":1,\"channels\":\n[\"a\",\n1]}", 3),
    ] {
        let Err(error) = serde_json::from_str::<Command<'_>>(body) else {
            panic!("it is read: {body}");
        };
        assert_eq!(error.line(), line, "{error}");
        let end = body.lines().nth(line - 1).unwrap().len();
        assert_eq!(error.column(), end, "behind the array: {error}");
        let text = error.to_string();
        assert_eq!(text.matches("line").count(), 1, "{text}");
        assert!(text.starts_with("invalid type: integer `1`"), "{text}");
    }
}
