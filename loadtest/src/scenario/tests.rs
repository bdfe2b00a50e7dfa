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
        format!("loadtest fanout --connections=20 --duration=1 --quiet --rate=50.5 {both}")
    );
    assert_eq!(
        words[1],
        format!("loadtest echo --connections=5 --messages=3 {both}"),
        "`quiet = false` takes back what the defaults have"
    );
    assert_eq!(file.runs[0].expectations.len(), 2);
}

#[test]
fn a_list_with_commas_goes_to_one_flag() {
    let text = r#"
        [[run]]
        name = "a"
        command = "ratio"
        corecast = "/proc/self/exe"
        connections = [10, 20]
    "#;
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

/// Asserts that each line of a file is told with its word.
fn told(text: &str, expected: &[(usize, &str)]) -> String {
    let told = file::parse("a.toml", text).unwrap_err();
    for (line, word) in expected {
        let place = format!("a.toml:{line}: ");
        let mut lines = told.lines();
        let is_told = lines.any(|said| said.contains(&place) && said.contains(word));
        assert!(is_told, "{line} {word}: {told}");
    }
    told
}

#[test]
fn all_that_is_wrong_with_runs_is_told_at_once_with_its_line_and_key() {
    let text = r#"
[defaults]
payload = "big"
threats = 2
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
[[run]]
name = "d"
command = "ratio"
corecast = "x"
runs = 2020-01-01
[[run]]
name = "d"
command = "floor"
[[run]]
name = "d"
command = "echo"
url = "ws://{http}/echo"
quiet = 5
assert = { losst = 0, latency = { p98_us_max = 1 }, passed = true }
"#;
    let told = told(
        text,
        &[
            (3, "--payload"),
            (4, "threats"),
            (5, "`a b` is no name"),
            (5, "no [server]"),
            (9, "--conections' found; is it --connections?"),
            (10, "--connections"),
            (11, "--messages"),
            (12, "--out"),
            (13, "`lost` must be a number"),
            (14, "no `name`"),
            (16, "--url"),
            (23, "must be a text, a number"),
            (24, "`floor` is no command"),
            (27, "two runs are named `d`"),
            (31, "--quiet"),
            (32, "no figure `losst`"),
            (32, "no figure `latency.p98_us_max`"),
        ],
    );
    assert!(!told.contains("`passed`"), "{told}");
}

#[test]
fn a_file_of_another_form_is_told_with_its_line_and_key() {
    let run = "[[run]]\nname = \"a\"\ncommand = \"echo\"\n";
    let with_run = |text: &str| format!("{text}\n{run}");
    told(&with_run("colour = 1"), &[(1, "colour")]);
    told(
        &with_run("[server]\nprogram = \"x\"\narguments = []"),
        &[(3, "arguments")],
    );
    told(&with_run("[server]\nargs = []"), &[(1, "program")]);
    told(
        &with_run("[server]\nprogram = \"x\"\nargs = [true]"),
        &[(1, "args")],
    );
    told(&with_run("defaults = 5"), &[(1, "")]);
    told("run = []", &[(1, "no [[run]]")]);
    told("[defaults]", &[(1, "run")]);
    told("[[run]]\nname = \n", &[(2, "")]);
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
[[run]]
name = "f"
command = "fanout"
url = "ws://127.0.0.1:1/sub/{topic}"
rate = 0
"#;
    told(
        text,
        &[
            (1, "--slow must be below --connections"),
            (8, "10.0.0.1"),
            (12, "{topic}"),
            (16, "--pss-at"),
            (22, "nothing to do"),
            (30, "above 0"),
        ],
    );
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
