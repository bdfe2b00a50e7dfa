//! Reports, comparisons and scenario files, made of real runs against a yardstick server.

use std::fs;
use std::path::Path;

use crate::run::{Folder, says};
use crate::xml::check_xml;

/// Runs a scenario file of this text, which must end with this exit code; returns what was said.
fn run(folder: &Folder, code: i32, text: &str, more: &str) -> String {
    let file = folder.write("runs.toml", text);
    says(
        code,
        &format!("run {file} --out {} {more}", folder.file("out")),
    )
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
    let folder = Folder::new();
    run(&folder, 0, SMALL, "--only one");
    let figures = folder.json("out/one.json");
    assert_eq!(figures["format"], 1);
    assert_eq!(figures["command"], "fanout");
    assert_eq!(figures["parameters"]["connections"], 30);
    let kernel = figures["environment"]["kernel"].as_str().unwrap();
    assert!(kernel.starts_with("Linux"), "{kernel}");
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
        let column = series["columns"][name].as_array();
        assert_eq!(column.map(Vec::len), Some(samples), "{name}: {series}");
    }
    let latency = &figures["latency"];
    let distribution = latency["distribution"].as_array().unwrap();
    assert!((2..=110).contains(&distribution.len()));
    assert_eq!(distribution.last().unwrap()[1], latency["max_us"]);
    assert_eq!(figures["expectations"][0]["met"], true);
    let page = folder.read("out/one.html");
    check_xml(&page);
    for text in [
        "Latency over time",
        "Distribution of latencies",
        "Server CPU over time",
        "Connections over time",
        "ip_local_port_range",
        "p99.99",
    ] {
        assert!(page.contains(text), "{text}");
    }
    check_xml(&folder.read("out/index.html"));
}

#[test]
fn kept_figures_make_a_page_and_are_compared() {
    let folder = Folder::new();
    run(&folder, 0, SMALL, "");
    let [one, two] = ["out/one.json", "out/two.json"].map(|name| folder.file(name));
    fs::remove_file(folder.file("out/one.html")).unwrap();
    says(0, &format!("report {one}"));
    check_xml(&folder.read("out/one.html"));

    let page = folder.file("compared.html");
    let said = says(0, &format!("compare {one} {two} --html {page}"));
    assert!(said.contains("latency.p99_us"), "{said}");
    check_xml(&folder.read("compared.html"));

    let mut worse = folder.json("out/two.json");
    worse["deliveries"]["lost"] = 5.into();
    let worse = folder.write("worse.json", &worse.to_string());
    says(0, &format!("compare {one} {worse}"));
    let said = says(1, &format!("compare {one} {worse} --fail-on-regression"));
    assert!(said.contains("WORSE"), "{said}");
}

#[test]
fn runs_of_other_flags_are_not_compared_unless_forced() {
    let folder = Folder::new();
    let [a, b] = [("a.json", 10), ("b.json", 20)].map(|(name, connections)| {
        let parameters = format!("{{\"connections\":{connections}}}");
        let text = format!(
            "{{\"format\":1,\"command\":\"fanout\",\"parameters\":{parameters},\"passed\":true}}"
        );
        folder.write(name, &text)
    });
    let said = says(2, &format!("compare {a} {b}"));
    assert!(said.contains("connections: 10 before, 20 after"), "{said}");
    says(0, &format!("compare {a} {b} --force"));
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = Folder::new();
    for text in ["no JSON", "{}", r#"{"format":99}"#] {
        says(2, &format!("report {}", folder.write("x.json", text)));
    }
    says(2, &format!("report {}", folder.file("gone.json")));
}

#[test]
fn a_run_that_is_not_as_expected_fails_and_the_others_are_made() {
    let folder = Folder::new();
    let text = SMALL
        .replace("lost = 0", "lost = 7")
        .replace("name = \"two\"", "name = \"two\"\n    threads = 0");
    let said = run(&folder, 1, &text, "");
    assert!(said.contains("NOT MET"), "{said}");
    assert!(Path::new(&folder.file("out/two.html")).exists());
    let index = folder.read("out/index.html");
    check_xml(&index);
    assert!(index.contains("FAILED") && index.contains("two.html"));
    run(&folder, 2, SMALL, "--only three");
}

#[test]
fn a_server_that_does_not_start_is_on_the_page_and_one_that_is_not_there_told_before() {
    let folder = Folder::new();
    let with = |program: &str| SMALL.replace("\"loadtest\"", &format!("\"{program}\""));
    run(&folder, 1, &with("/bin/false"), "--only one");
    let index = folder.read("out/index.html");
    check_xml(&index);
    assert!(index.contains("/bin/false"), "{index}");
    let said = run(&folder, 2, &with("/nonexistent/server"), "--only one");
    assert!(said.contains("/nonexistent/server"), "{said}");
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
        let folder = Folder::new();
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let text: String = text.lines().map(|line| small(line) + "\n").collect();
        let floor = format!("\"floor\", \"--mode\", \"{mode}\"");
        run(&folder, 0, &text.replace("\"serve\"", &floor), "");
        check_xml(&folder.read("out/index.html"));
    }
}
