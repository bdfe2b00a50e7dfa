//! The examples of docs/ADMIN.md, as they are written there.

use std::process::Command;

use serde_json::Value;

use crate::operators::{rows, see};
use crate::support::process::alone;
use crate::support::server::{Running, builder, serve_admin};
use crate::support::tools::{self, tool};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const PAGE: &str = include_str!("../../../docs/ADMIN.md");

/// What follows each line that opens a block of this kind.
fn blocks(kind: &str) -> impl Iterator<Item = String> {
    let opening = format!("```{kind}\n");
    let blocks = PAGE.split("```\n").filter_map(move |part| {
        let (_, block) = part.split_once(&opening)?;
        Some(block.to_owned())
    });
    blocks.collect::<Vec<_>>().into_iter()
}

/// One of them sets the level of the process's log, which is that of other tests as well.
#[test]
fn each_command_of_the_page_does_what_it_says() {
    let test = "operators::docs::each_command_of_the_page_does_what_it_says";
    alone(test, run_each_command);
}

fn run_each_command() {
    if tool("curl").is_none() {
        return;
    }
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let _client = Ws::connect(server.http(), "/ws/lobby");
    let mut id = String::new();
    wait_until("it is there", || {
        let found = see(addr, "/admin/connections?topic=lobby");
        let row = rows(&found, "connections").first();
        id = row.map_or_else(String::new, |row| row["id"].as_str().unwrap().to_owned());
        !id.is_empty()
    });
    let commands = blocks("console").filter_map(|block| {
        let command = block.strip_prefix("$ ")?.to_owned();
        command.starts_with("curl ").then_some(command)
    });
    let mut commands: Vec<String> = commands.collect();
    assert!(6 <= commands.len(), "{commands:?}");
    // After it there is no server.
    commands.sort_by_key(|command| command.contains("/admin/drain"));
    for command in commands {
        let command = command.replace("127.0.0.1:9090", &addr.to_string());
        let command = command.replace("0.4.17", &id);
        let script = format!("{} -f", command.trim_end());
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(
            output.status.success(),
            "{script}: {}",
            tools::text(&output)
        );
        let lines = String::from_utf8(output.stdout).unwrap();
        for line in lines.lines() {
            let json: Value = serde_json::from_str(line).unwrap();
            assert!(json.is_object(), "{script}: {json}");
        }
    }
    server.join();
}

#[test]
fn the_page_names_every_member_of_a_connection() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let _client = Ws::connect(server.http(), "/ws/lobby");
    let found = see(addr, "/admin/connections?topic=lobby");
    let known = rows(&found, "connections")[0].as_object().unwrap();
    let shown = blocks("json").next().unwrap();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let shown = rows(&shown, "connections")[0].as_object().unwrap();
    for member in known.keys() {
        assert!(shown.contains_key(member), "{member}");
        assert!(PAGE.contains(&format!("`{member}`")), "{member}");
    }
}
