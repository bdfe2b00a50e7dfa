//! Scenario files that are right, and all that is wrong in others.

use crate::scenario::file;

#[test]
fn a_file_becomes_words_of_a_command_line() {
    let text = r#"
        [defaults]
        connections = 20
        url = ["ws://{http}/sub/{topic}", "tcp://{tcp}"]
        quiet = true
        [server]
        program = "loadtest"
        args = ["floor", "--http", "127.0.0.1:0"]
        [[run]]
        name = "one"
        command = "fanout"
        rate = 50.5
        duration = 1
        assert = { lost = 0, latency.p99_us_max = 5_000.5 }
        [[run]]
        name = "two"
        command = "echo"
        connections = 5
        messages = 3
        quiet = false
    "#;
    let file = file::parse("a.toml", text).unwrap();
    let words: Vec<String> = file.runs.iter().map(|run| run.words.join(" ")).collect();
    let both = "--url=ws://{http}/sub/{topic} --url=tcp://{tcp}";
    assert_eq!(
        words[0],
        format!("loadtest fanout --duration=1 --rate=50.5 --connections=20 --quiet {both}")
    );
    assert_eq!(
        words[1],
        format!("loadtest echo --connections=5 --messages=3 --quiet {both}")
    );
    assert_eq!(file.runs[0].expectations.len(), 2);
}

#[test]
fn a_list_with_commas_goes_to_one_flag() {
    let text = "[[run]]\nname = \"a\"\ncommand = \"ratio\"\ncorecast = \"/proc/self/exe\"\nconnections = [10, 20]\n";
    let file = file::parse("a.toml", text).unwrap();
    assert_eq!(
        file.runs[0].words[2..],
        [
            "--connections=10",
            "--connections=20",
            "--corecast=/proc/self/exe"
        ]
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_line_and_key() {
    let text = r#"colour = 1
[defaults]
payload = "big"
threats = 2
[server]
arguments = []
[[run]]
name = "a b"
command = "fanout"
url = "ws://{http}/"
conections = 5
connections = true
messages = [1, 2]
json = "x.json"
assert = { lost = "none" }
[[run]]
command = "floor"
[[run]]
name = "c"
command = "echo"
"#;
    let told = file::parse("a.toml", text).unwrap_err();
    for (line, word) in [
        (1, "colour"),
        (3, "--payload"),
        (4, "threats"),
        (5, "no `program`"),
        (6, "arguments"),
        (11, "conections"),
        (12, "`connections` must be a text or a number"),
        (13, "`messages` takes one value"),
        (14, "--out"),
        (15, "`lost` must be a number"),
        (16, "no `name`"),
        (17, "`floor` is no command"),
        (18, "--url"),
    ] {
        let place = format!("a.toml:{line}: ");
        let is_told = told
            .lines()
            .any(|said| said.contains(&place) && said.contains(word));
        assert!(is_told, "{line} {word}: {told}");
    }
    assert!(told.contains("`connections`?"), "{told}");
    assert!(told.contains("`a b` is no name"), "{told}");
}

#[test]
fn what_a_command_would_refuse_is_told_before_any_is_run() {
    let text = r#"[[run]]
name = "a"
command = "slow"
url = "ws://127.0.0.1:1/sub/{topic}"
slow_rate = 1000
connections = 5
slow = 5
[[run]]
name = "b"
command = "fanout"
url = ["ws://10.0.0.1:1/sub/{topic}", "http://127.0.0.1:1/"]
rate = 0
[[run]]
name = "c"
command = "topics"
url = "ws://127.0.0.1:1/sub/all"
[[run]]
name = "d"
command = "fanout"
url = "ws://127.0.0.1:1/sub/{topic}"
server_pid = 1
pss_at = [20, 10]
[[run]]
name = "e"
command = "hostile"
url = "ws://127.0.0.1:1/"
"#;
    let told = file::parse("a.toml", text).unwrap_err();
    for (line, word) in [
        (1, "--slow must be below --connections"),
        (11, "10.0.0.1"),
        (12, "above 0"),
        (13, "{topic}"),
        (17, "--pss-at"),
        (23, "nothing to do"),
    ] {
        let place = format!("a.toml:{line}: ");
        let is_told = told
            .lines()
            .any(|said| said.contains(&place) && said.contains(word));
        assert!(is_told, "{line} {word}: {told}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = file::parse("a.toml", "[[run]]\nname = \n").unwrap_err();
    assert!(told.contains("a.toml:2: "), "{told}");
}

#[test]
fn the_files_that_come_with_this_are_right() {
    for (name, text) in [
        ("smoke", include_str!("../../scenarios/smoke.toml")),
        ("sizes", include_str!("../../scenarios/sizes.toml")),
        ("echo", include_str!("../../scenarios/echo.toml")),
    ] {
        let file = file::parse(name, text).unwrap_or_else(|told| panic!("{told}"));
        assert!(file.server.is_some() && file.runs.len() >= 2, "{name}");
        assert!(
            file.runs.iter().all(|run| !run.expectations.is_empty()),
            "{name}"
        );
    }
}
