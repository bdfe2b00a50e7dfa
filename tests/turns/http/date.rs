//! What answers say of the time.

use std::time::Duration;

use crate::http::get;
use crate::http::server::Server;

#[test]
fn every_answer_has_the_date_once_it_is_known() {
    let malformed = "GET\r\n\r\n".to_owned();
    let refused = get("/healthz").replace("here", "here\r\nOrigin: http://elsewhere");
    let mut server = Server::new();
    for (at, request) in [
        get("/healthz"),
        get("/nowhere"),
        get("/sse/a"),
        malformed,
        refused,
        "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
    ]
    .into_iter()
    .cycle()
    .take(12)
    .enumerate()
    {
        if at == 6 {
            server.set_date(Duration::from_secs(784_111_777));
        }
        let client = server.connect();
        server.send(client, &request);
        let answer = server.take(client);
        let date = "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        assert_eq!(answer.contains(date), 6 <= at, "{request}: {answer}");
    }
}
