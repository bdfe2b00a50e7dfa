//! Several processes that load together: the same verdict as of one, whatever their clocks say.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::hosts::Hosts;
use crate::run::{Folder, LOADTEST, Server, load, load_with, program, says};
use crate::stand_in::{Fault, StandIn};
use crate::{relay, run};

/// A running agent, ended when dropped.
struct Agent {
    child: Child,
    address: String,
}

impl Agent {
    /// From a command that starts one.
    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut says = BufReader::new(child.stdout.take().unwrap());
        says.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening agent ");
        let address = address.unwrap_or_else(|| panic!("no agent: {line:?}"));
        Self {
            address: address.to_owned(),
            child,
        }
    }

    fn here() -> Self {
        let listen = ["agent", "--listen", "127.0.0.1:0"];
        Self::of(Command::new(LOADTEST).args(listen).stderr(Stdio::piped()))
    }

    /// Waits until it has said this.
    fn says(&mut self, words: &str) {
        let lines = BufReader::new(self.child.stderr.as_mut().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        assert!(lines.any(|line| line.contains(words)), "{words}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

fn list(agents: &[Agent]) -> String {
    let addresses = agents.iter().map(|agent| agent.address.as_str());
    addresses.collect::<Vec<_>>().join(",")
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// What the clock of each agent is ahead of that of the leader.
const AHEAD_S: [u32; 3] = [0, 7_000, 90_000];
const DELAY: Duration = Duration::from_millis(20);

#[test]
fn agents_on_other_hosts_come_to_the_verdict_of_one_process() {
    let Some(hosts) = Hosts::new(5) else { return };
    let folder = Folder::new();
    let secret = folder.write("secret", "0123456789abcdef0123456789abcdef");
    let server = Hosts::address(0);
    let serve = format!("serve --shards 2 --http {server}:8080 --insecure");
    let running = Server::of_corecast(hosts.command(0, program()).args(serve.split(' ')));
    let agents: Vec<Agent> = (1..4)
        .map(|host| {
            let listen = format!(
                "-T --fork --kill-child --monotonic {} {LOADTEST} agent --listen {}:9100 \
             --secret-file {secret} --i-may-load {server}",
                AHEAD_S[host - 1],
                Hosts::address(host)
            );
            Agent::of(hosts.command(host, "unshare").args(listen.split(' ')))
        })
        .collect();
    thread::scope(|scope| {
        let hosts = &hosts;
        let relayed = format!("{server}:8080");
        scope
            .spawn(move || {
                hosts.enter(0);
                let listener = TcpListener::bind(format!("{}:8081", Hosts::address(0))).unwrap();
                let body = move || relay::serve(&listener, &relayed, DELAY);
                // It is of no interest to the scope, and lasts as long as the test.
                thread::spawn(body);
            })
            .join()
            .unwrap();
    });
    let words = format!(
        "fanout --url ws://{server}:8081/sub/{{topic}} --publish-url ws://{server}:8080/pub/{{topic}} \
         -n 30 --rate 100 -m 60 --publishers 3 --yes --i-may-load {server}"
    );
    let make = |more: &str| {
        let words = format!("{words}{more}");
        let run = load_with(hosts.command(4, LOADTEST).args(words.split(' ')));
        assert_eq!(run.code, Some(0), "{}", run.said);
        run.figures
    };
    let one = make("");
    let all = make(&format!(
        " --agents {} --secret-file {secret}",
        list(&agents)
    ));
    assert_eq!(all["deliveries"]["got"], 1800);
    assert_eq!(all["deliveries"], one["deliveries"]);
    assert_eq!(all["reached"]["messages"], one["reached"]["messages"]);
    let error_us = number(&all["latency_error_us"]);
    for (agent, ahead_s) in all["agents"].as_array().unwrap().iter().zip(AHEAD_S) {
        assert_eq!(
            (&agent["received"], &agent["lost"]),
            (&600.into(), &Value::Null)
        );
        let off_us = (number(&agent["clock_ahead_us"]) - f64::from(ahead_s) * 1e6).abs();
        assert!(off_us <= number(&agent["clock_error_us"]), "{agent}");
    }
    // No message was under way for less than the relay's delay.
    let least_us = number(&all["latency"]["min_us"]);
    assert!(
        least_us >= DELAY.as_secs_f64() * 1e6 - error_us,
        "{least_us} {error_us}"
    );
    assert!(
        number(&all["latency"]["max_us"]) < 6e8,
        "clocks are thousands of seconds apart"
    );
    drop(running);
}

#[test]
fn agents_find_the_faults_that_one_process_finds() {
    let cases = [
        (Fault::Lose(5), "lost"),
        (Fault::Repeat(5), "duplicated"),
        (Fault::Swap(5), "reordered"),
        (Fault::Corrupt(5), "foreign"),
    ];
    run::at_once(&cases, |(fault, kind)| {
        let agents = [Agent::here(), Agent::here()];
        let find = |more: &str| {
            let stand_in = StandIn::start(*fault);
            let url = format!("ws://{}/sub/{{topic}}", stand_in.http);
            let run = load(&format!(
                "fanout --url {url} -n 6 --rate 100 -m 20 --no-preflight --timeout 2{more}"
            ));
            assert_eq!(run.code, Some(1), "{}", run.said);
            run.figures["deliveries"][*kind].clone()
        };
        let one = find("");
        assert_eq!(one, 1, "{fault:?}");
        assert_eq!(
            find(&format!(" --agents {}", list(&agents))),
            one,
            "{fault:?}"
        );
    });
}

#[test]
fn an_agent_that_is_killed_is_told() {
    let server = Server::corecast("--http 127.0.0.1:0");
    let mut agents = [Agent::here(), Agent::here()];
    let words = server.words("fanout --url ws://@http/sub/{topic} -n 20 --rate 20 --duration 60");
    let words = format!("{words} --agents {}", list(&agents));
    let killed = agents[1].address.clone();
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| load(&words));
        agents[1].says("messages begin");
        agents[1].child.kill().unwrap();
        run.join().unwrap()
    });
    assert_eq!(run.code, Some(1), "{}", run.said);
    assert!(
        run.said.contains(&format!("agent {killed} is lost")),
        "{}",
        run.said
    );
    assert_eq!(run.figures["passed"], false);
    let lost = [0, 1].map(|at| run.figures["agents"][at]["lost"].is_string());
    assert_eq!(lost, [false, true], "{}", run.figures["agents"]);
    // The other one is free for the next leader.
    let one = [agents.into_iter().next().unwrap()];
    let words = server.words("topics --url ws://@http/sub/{topic} -n 20 -t 5 --rate 100 -m 20");
    let figures = run::passes(&format!("{words} --agents {}", list(&one)));
    assert_eq!(figures["agents"].as_array().unwrap().len(), 1);
    let words = server.words("connect --url ws://@http/sub/{topic} -n 20 --hold 0.1s");
    let figures = run::passes(&format!("{words} --rate 200 --agents {}", list(&one)));
    assert_eq!(figures["opening"]["live"], 20);
    assert_eq!(figures["connect_to_live"]["count"], 20);
}

#[test]
fn what_agents_and_leaders_cannot_do_is_said() {
    let open = says(2, "agent --listen 0.0.0.0:0");
    assert!(open.contains("--secret-file"), "{open}");
    let url = "--url ws://127.0.0.1:1/sub/{topic} --agents 127.0.0.1:1";
    let split = says(2, &format!("storm {url}"));
    assert!(split.contains("storm cannot be split"), "{split}");
    let rate = says(2, &format!("fanout {url}"));
    assert!(rate.contains("needs --rate"), "{rate}");
    let gone = says(1, &format!("fanout {url} --rate 1 --no-preflight"));
    assert!(
        gone.contains("agent 127.0.0.1:1: ") && gone.contains("loadtest agent"),
        "{gone}"
    );
    let folder = Folder::new();
    let secret = folder.write("secret", "0123456789abcdef");
    let other = folder.write("other", "0123456789abcdeX");
    let listen = ["agent", "--listen", "127.0.0.1:0", "--secret-file", &secret];
    let agent = Agent::of(Command::new(LOADTEST).args(listen));
    let words = format!("fanout {url} --rate 1 --no-preflight");
    let words = words.replace(
        "--agents 127.0.0.1:1",
        &format!("--agents {}", agent.address),
    );
    let none = says(1, &words);
    assert!(none.contains("wants a secret"), "{none}");
    let wrong = says(1, &format!("{words} --secret-file {other}"));
    assert!(
        wrong.contains("does not know this agent's secret"),
        "{wrong}"
    );
}
