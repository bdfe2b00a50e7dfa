//! The files for Prometheus and Grafana in `docs/monitoring`, with a real Prometheus (Debian's
//! package `prometheus`).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use crate::admin::scrape;
use crate::support::folder::Folder;
use crate::support::http::ask;
use crate::support::program::Program;
use crate::support::server::{Running, builder, serve_admin};
use crate::support::tools::{self, run, tool};
use crate::support::wait::wait_until;

const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring/alerts.yml");
const DASHBOARD: &str = include_str!("../../docs/monitoring/grafana.json");

/// What the dashboard asks for, with values in place of Grafana's variables.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let expressions = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap());
    let filled = expressions.map(|text| {
        let text = text.replace("$__rate_interval", "1m");
        text.replace("$instance", ".*")
    });
    filled.collect()
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c));
    let named = words.filter(|word| word.starts_with("corecast_") || word.starts_with("process_"));
    named.collect()
}

#[test]
fn dashboard_and_alerts_name_metrics_that_exist() {
    let server = Running::start(builder(1));
    let samples = scrape(serve_admin(&server));
    let known: BTreeSet<&str> = samples
        .keys()
        .filter_map(|series| series.split('{').next())
        .collect();
    let alerts = fs::read_to_string(ALERTS).unwrap();
    // What explains an alert may name a metric without what is added to it.
    let rules = alerts.lines().filter(|line| !line.contains(": \""));
    let rules: String = rules.collect::<Vec<_>>().join("\n");
    let asked = expressions().join("\n") + &rules;
    let asked = metrics(&asked);
    assert!(20 < asked.len(), "{asked:?}");
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn prometheus_takes_the_configuration_and_the_rules() {
    let Some(mut promtool) = tool("promtool") else {
        return;
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring");
    let output = run(
        promtool
            .current_dir(folder)
            .args(["check", "rules", "alerts.yml"]),
        "",
    );
    assert!(output.status.success(), "{}", tools::text(&output));
    let Some(mut promtool) = tool("promtool") else {
        return;
    };
    let config = ["check", "config", "prometheus.yml"];
    let output = run(promtool.current_dir(folder).args(config), "");
    assert!(output.status.success(), "{}", tools::text(&output));
}

#[test]
fn prometheus_scrapes_the_server_and_answers_what_the_dashboard_asks() {
    let Some(mut prometheus) = tool("prometheus") else {
        return;
    };
    let server = Running::start(builder(2));
    let target = serve_admin(&server);
    let folder = Folder::new();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s}}\nrule_files: [{ALERTS}]\nscrape_configs:\n  - job_name: \
         corecast\n    static_configs: [{{targets: [\"{target}\"]}}]\n"
    );
    fs::write(&config, text).unwrap();
    prometheus
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().display()))
        .arg("--web.listen-address=127.0.0.1:0");
    let mut prometheus = Program::spawn(prometheus);
    let addr = prometheus.wait_for("msg=\"Listening on\" address=");
    let addr: SocketAddr = addr.parse().unwrap();
    wait_until("the server is scraped", || {
        query(addr, "sum(corecast_ready)")["data"]["result"][0]["value"][1] == "1"
    });
    for expression in expressions() {
        let answer = query(addr, &expression);
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
    }
    let answer = query(addr, "up{job=\"corecast\"}");
    assert_eq!(answer["data"]["result"][0]["value"][1], "1", "{answer}");
}

fn query(prometheus: SocketAddr, expression: &str) -> Value {
    let mut encoded = String::new();
    for byte in expression.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    let head = format!(
        "GET /api/v1/query?query={encoded} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    );
    // Until it is ready, it answers with a text.
    serde_json::from_str(&ask(prometheus, head).body).unwrap_or_default()
}
