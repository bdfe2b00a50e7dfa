//! `capacity`: it ends by itself, and says what gave out.

use crate::run::{Server, load};
use crate::stand_in::{Fault, StandIn};

#[test]
fn the_load_is_raised_until_something_gives_out() {
    let server = Server::corecast("--http 127.0.0.1:0");
    let words = "capacity --url ws://@http/sub/{topic} --server-pid @pid --step 0.2s --p99 100s";
    let words = server.words(words);
    let run = load(&format!(
        "{words} --raise connections --max-connections 150"
    ));
    assert_eq!(run.code, Some(0), "{}", run.said);
    let answer = &run.figures["most_connections"];
    assert_eq!(
        (&answer["connections"], &answer["messages_per_s"]),
        (&150.into(), &10.into())
    );
    assert_eq!(answer["gave_out"]["what"], "nothing");
    // A step that broke on a host that stalled is made again.
    assert!(run.figures["steps"].as_array().unwrap().len() >= 2);
    assert!(run.said.contains("step 2"), "{}", run.said);

    let late = words.replace("--p99 100s", "--p99 0.001ms");
    let run = load(&format!("{late} --raise rate -n 5"));
    assert_eq!(run.code, Some(1), "{}", run.said);
    let answer = &run.figures["most_messages"];
    assert_eq!(answer["connections"], 0, "none held: {answer}");
    assert!(
        answer["gave_out"]["evidence"]
            .as_str()
            .unwrap()
            .contains("p99"),
        "{answer}"
    );

    let run = load(&format!("{words} --raise rate -n 5 --time 0.1s"));
    let answer = &run.figures["most_messages"];
    assert_eq!(
        (&answer["messages_per_s"], &answer["gave_out"]["what"]),
        (&10.into(), &"time".into())
    );
}

#[test]
fn a_server_that_refuses_more_is_named() {
    let stand_in = StandIn::start(Fault::Refuse(150));
    let url = format!("ws://{}/sub/{{topic}}", stand_in.http);
    let run = load(&format!(
        "capacity --url {url} --step 0.2s --p99 100s --raise connections --quiet --no-preflight"
    ));
    assert_eq!(run.code, Some(0), "{}", run.said);
    let answer = &run.figures["most_connections"];
    assert_eq!(answer["connections"], 100, "{answer}");
    let opening = &run.figures["opening"];
    assert_eq!(opening["live"], 100, "of the step that held: {opening}");
    assert_eq!(answer["gave_out"]["what"], "server refuses connections");
    assert!(
        answer["gave_out"]["evidence"]
            .as_str()
            .unwrap()
            .contains("503"),
        "{answer}"
    );
}
