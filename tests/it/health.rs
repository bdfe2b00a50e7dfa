//! The admin port beside clients and shards that stand still.

use std::io::Write;
use std::net::TcpStream;

use corecast::{Cx, Halt, Handler, Message, Opening, Refusal};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::admin::{get, scrape};
use crate::support::http::read_answer;
use crate::support::server::{Running, builder, serve_admin};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

#[test]
fn silent_connections_delay_no_other() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    // More than it keeps: the first give way.
    let mut silent: Vec<TcpStream> = (0..300).map(|_| dial(addr)).collect();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(addr, path).0, 200);
    }
    assert_eq!(read_to_the_end(&mut silent[0]), b"");
    // One that has begun to ask is among those that stay.
    let mut slow = silent.pop().unwrap();
    slow.write_all(b"GET /livez HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut slow).status, 200);
}

/// Waits in its callback for as long as the test wants.
struct Stubborn {
    entered: Sender<()>,
    goes_on: Receiver<()>,
}

impl Handler for Stubborn {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, _: &mut Cx<'_, (), ()>, _: &Opening<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, (), ()>, _: Message<'_>) -> Result<(), Halt> {
        self.entered.send(()).unwrap();
        self.goes_on.recv().unwrap();
        Ok(())
    }
}

#[test]
fn a_stuck_shard_is_reported_by_its_number_until_it_continues() {
    let (entered, has_entered) = bounded(1);
    let (go_on, goes_on) = bounded(1);
    let server = Running::with(builder(2), move |_| Stubborn {
        entered: entered.clone(),
        goes_on: goes_on.clone(),
    });
    let addr = serve_admin(&server);
    // A shard without anything to do is woken, and so has turns.
    let turns = |shard: usize| {
        server.handle().shard_counters()[shard]
            .turns
            .iter()
            .sum::<u64>()
    };
    let before = [turns(0), turns(1)];
    wait_until("both have turns", || {
        before[0] + 3 < turns(0) && before[1] + 3 < turns(1)
    });
    assert_eq!([get(addr, "/livez").0, get(addr, "/readyz").0], [200, 200]);
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    ws.send_text("wait");
    has_entered.recv().unwrap();
    let mut told = String::new();
    wait_until("it is told", || {
        let (status, text) = get(addr, "/livez");
        told = text;
        status == 503
    });
    let shard: usize = told
        .strip_prefix("shard ")
        .and_then(|rest| rest.split_once(" is stuck: no turn for "))
        .map(|(shard, _)| shard.parse().unwrap())
        .unwrap_or_else(|| panic!("{told}"));
    assert_eq!(get(addr, "/readyz").0, 503);
    let ages = scrape(addr);
    let age = |shard: usize| ages[&format!("corecast_turn_age_seconds{{shard=\"{shard}\"}}")];
    assert!(5.0 <= age(shard), "{ages:#?}");
    assert!(age(1 - shard) < 5.0, "{ages:#?}");
    go_on.send(()).unwrap();
    wait_until("it is well again", || get(addr, "/livez").0 == 200);
    assert_eq!(get(addr, "/readyz").0, 200);
}
