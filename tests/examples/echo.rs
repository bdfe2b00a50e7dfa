//! A message comes back, only to its sender.

use tungstenite::Message;

use crate::example::Example;
use crate::support::length_prefix::LengthPrefix;
use crate::support::ws::Ws;

#[test]
fn echo_returns_what_it_gets_over_both_protocols() {
    let echo = Example::start("echo", &[]);
    let mut clients: Vec<Ws> = (0..8).map(|_| Ws::connect(echo.http, "/")).collect();
    let mut device = LengthPrefix::connect(echo.tcp);
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send_text(&format!("{number}, {round}"));
            client.send_binary(&[7; 70_000]);
        }
        device.send(b"reading");
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.next_text(), format!("{number}, {round}"));
            assert_eq!(client.next(), Message::binary(vec![7; 70_000]));
        }
        assert_eq!(device.next(), b"reading");
    }
    echo.end();
}
