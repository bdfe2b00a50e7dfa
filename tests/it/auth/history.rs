//! The right to earlier messages.

use std::io::Write;

use corecast::First;
use corecast::auth::{ApiKeys, Auth, Key, Places, Rules, Verifier};

use crate::positions::{expect, keeping, publish, with};
use crate::support::http::{read_head, upgrade_request};
use crate::support::positions::{Over, Reader, Told};
use crate::support::server::Running;
use crate::support::socket::dial;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

#[test]
fn earlier_messages_need_the_right_to_history() {
    let auth = Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]),
        api_keys: ApiKeys::default(),
        rules: Rules::parse(["anyone subscribe+publish #", "anyone history open"]).unwrap(),
        anonymous: true,
        insecure: false,
    };
    let builder = with(2, keeping(10, First::Nothing)).auth(auth, Places::default());
    let server = Running::start(builder);
    for over in Over::EACH {
        for topic in ["open", "closed"] {
            let here = Reader::connect(over, server.http(), topic, None).next_position();
            let numbers = here.offset + 1..=here.offset + 3;
            publish(&server, topic, numbers.clone());
            let mut back = Reader::connect(over, server.http(), topic, Some(here));
            if topic == "open" {
                expect(&mut back, here, numbers);
            } else {
                let mut top = here;
                top.offset += 3;
                assert_eq!(back.next(), Told::Gap(Some(top)), "as if nothing were kept");
                let next = top.offset + 1;
                publish(&server, topic, next..=next);
                expect(&mut back, top, next..=next);
            }
        }
    }
    let status = |topic: &str| {
        let sse = format!("GET /sse/{topic}?last=1 HTTP/1.1\r\nHost: test\r\n\r\n");
        let head = format!("HEAD /sse/{topic}?last=1 HTTP/1.1\r\nHost: test\r\n\r\n");
        let ws = upgrade_request(&format!("/sub/{topic}?last=1"));
        [sse, head, ws].map(|request| {
            let mut stream = dial(server.http());
            stream.write_all(request.as_bytes()).unwrap();
            read_head(&mut stream).status
        })
    };
    assert_eq!(status("closed"), [403, 403, 403]);
    assert_eq!(status("open"), [200, 200, 101]);
}
