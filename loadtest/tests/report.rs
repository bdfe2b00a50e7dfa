//! Reports, comparisons and scenario files, made of real runs against a yardstick server.
#![expect(clippy::unwrap_used, reason = "test support")]

mod xml;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

use serde_json::Value;

use crate::xml::check_xml;

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// A directory of a test, removed when dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("loadtest-{}-{name}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn loadtest(words: &[&str]) -> Output {
    Command::new(LOADTEST).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    )
}

/// Runs a scenario file of this text and returns what was said.
fn run(place: &Place, text: &str, more: &[&str]) -> Output {
    let file = place.file("runs.toml");
    fs::write(&file, text).unwrap();
    let out = place.file("out");
    loadtest(&[&["run", &file, "--out", &out], more].concat())
}

const SMALL: &str = r#"
    [server]
    program = "loadtest"
    args = ["floor", "--http", "127.0.0.1:0"]
    [defaults]
    connections = 30
    url = "ws://{http}/sub/{topic}"
    sample-every = 0.05
    [[run]]
    name = "one"
    command = "fanout"
    rate = 200
    duration = 0.5
    assert = { lost = 0, latency.p50_us_min = 1 }
    [[run]]
    name = "two"
    command = "fanout"
    rate = 200
    duration = 0.5
"#;

#[test]
fn a_run_is_described_in_json_and_on_a_page() {
    let place = Place::new("described");
    let output = run(&place, SMALL, &["--only", "one"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let figures = place.json("out/one.json");
    assert_eq!(figures["format"], 1);
    assert_eq!(figures["command"], "fanout");
    assert_eq!(figures["parameters"]["connections"], 30);
    assert!(
        figures["environment"]["kernel"]
            .as_str()
            .unwrap()
            .starts_with("Linux")
    );
    let series = &figures["series"];
    let samples = series["time_s"].as_array().unwrap().len();
    assert!(samples > 2, "{series}");
    for name in [
        "connections",
        "deliveries_per_s",
        "latency_p50_us",
        "latency_p99_us",
        "latency_max_us",
        "server_user_cores",
        "server_system_cores",
        "server_rss_bytes",
        "client_busy_share",
    ] {
        assert_eq!(
            series["columns"][name].as_array().map(Vec::len),
            Some(samples),
            "{name}: {series}"
        );
    }
    let distribution = figures["latency"]["distribution"].as_array().unwrap();
    assert!((2..=110).contains(&distribution.len()));
    assert_eq!(
        distribution.last().unwrap()[1],
        figures["latency"]["max_us"]
    );
    assert_eq!(figures["expectations"][0]["met"], true);
    let page = place.read("out/one.html");
    check_xml(&page);
    for title in [
        "Latency over time",
        "Distribution of latencies",
        "Server CPU over time",
        "Connections over time",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert!(page.contains("ip_local_port_range") && page.contains("p99.99"));
    check_xml(&place.read("out/index.html"));
}

#[test]
fn kept_figures_make_a_page_and_are_compared() {
    let place = Place::new("kept");
    let output = run(&place, SMALL, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let [one, two] = ["out/one.json", "out/two.json"].map(|name| place.file(name));
    fs::remove_file(place.file("out/one.html")).unwrap();
    let output = loadtest(&["report", &one]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    check_xml(&place.read("out/one.html"));

    let page = place.file("compared.html");
    let output = loadtest(&["compare", &one, &two, "--html", &page]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output).contains("latency.p99_us"),
        "{}",
        said(&output)
    );
    check_xml(&place.read("compared.html"));

    let mut worse = place.json("out/two.json");
    worse["deliveries"]["lost"] = 5.into();
    fs::write(place.file("worse.json"), worse.to_string()).unwrap();
    let worse = place.file("worse.json");
    let output = loadtest(&["compare", &one, &worse]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = loadtest(&["compare", &one, &worse, "--fail-on-regression"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("WORSE"), "{}", said(&output));
}

#[test]
fn runs_of_other_flags_are_not_compared_unless_forced() {
    let place = Place::new("flags");
    for (name, connections) in [("a.json", 10), ("b.json", 20)] {
        let text = format!(
            r#"{{"format":1,"command":"fanout","parameters":{{"connections":{connections}}},"passed":true}}"#
        );
        fs::write(place.file(name), text).unwrap();
    }
    let [a, b] = ["a.json", "b.json"].map(|name| place.file(name));
    let output = loadtest(&["compare", &a, &b]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("connections: 10 before, 20 after"),
        "{}",
        said(&output)
    );
    let output = loadtest(&["compare", &a, &b, "--force"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn what_is_no_report_is_refused() {
    let place = Place::new("refused");
    for text in ["no JSON", "{}", r#"{"format":99}"#] {
        fs::write(place.file("x.json"), text).unwrap();
        let output = loadtest(&["report", &place.file("x.json")]);
        assert_eq!(output.status.code(), Some(2), "{text}: {}", said(&output));
    }
    assert_eq!(
        loadtest(&["report", &place.file("gone.json")])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_run_that_is_not_as_expected_fails_and_the_others_are_made() {
    let place = Place::new("unmet");
    let text = SMALL
        .replace("lost = 0", "lost = 7")
        .replace("name = \"two\"", "name = \"two\"\n    threads = 0");
    let output = run(&place, &text, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("NOT MET"), "{}", said(&output));
    assert!(Path::new(&place.file("out/two.html")).exists());
    let index = place.read("out/index.html");
    check_xml(&index);
    assert!(index.contains("FAILED") && index.contains("two.html"));
    let output = run(&place, SMALL, &["--only", "three"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn a_server_that_does_not_start_is_on_the_page() {
    let place = Place::new("gone");
    let text = SMALL.replace("program = \"loadtest\"", "program = \"/bin/false\"");
    let output = run(&place, &text, &["--only", "one"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let index = place.read("out/index.html");
    check_xml(&index);
    assert!(index.contains("/bin/false"), "{index}");
}

#[test]
fn a_server_that_does_not_exist_is_told_before_anything_runs() {
    let place = Place::new("nowhere");
    let text = SMALL.replace(
        "program = \"loadtest\"",
        "program = \"/nonexistent/server\"",
    );
    let output = run(&place, &text, &["--only", "one"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("/nonexistent/server"));
}

/// A line of a file with less to do: few connections, few messages, little time.
fn small(line: &str) -> String {
    let key = line.split_once(" = ").map(|(key, _)| key);
    match key {
        Some("connections") => "connections = 20".to_owned(),
        Some("messages") => "messages = 5".to_owned(),
        Some("duration") => "duration = 0.2".to_owned(),
        Some("program") => "program = \"loadtest\"".to_owned(),
        _ => line.to_owned(),
    }
}

#[test]
fn the_files_that_come_with_this_can_be_run() {
    for (name, mode) in [("smoke", "fanout"), ("sizes", "fanout"), ("echo", "echo")] {
        let place = Place::new(name);
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let text: String = text.lines().map(|line| small(line) + "\n").collect();
        let floor = format!("\"floor\", \"--mode\", \"{mode}\"");
        let text = text.replace("\"serve\"", &floor);
        let output = run(&place, &text, &[]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        check_xml(&place.read("out/index.html"));
    }
}
