//! Commands as the protocol has them, and replies that are read.

use super::*;

fn read(wire: Wire, message: &[u8]) -> Result<String, ()> {
    let mut seen = String::new();
    wire.read(message, |said| seen.push_str(&format!("{said:?} ")))?;
    Ok(seen)
}

#[test]
fn commands_are_as_the_protocol_has_them() {
    assert_eq!(
        Wire::Json.opening("a b", Some("t"), Recovery::default()),
        b"{\"id\":1,\"connect\":{\"token\":\"t\"}}\n\
          {\"id\":2,\"subscribe\":{\"channel\":\"a b\"}}\n"
    );
    assert_eq!(
        Wire::Protobuf.opening("ab", None, Recovery::default()),
        [4, 8, 1, 34, 0, 8, 8, 2, 42, 4, 10, 2, b'a', b'b']
    );
    let recovery = Recovery {
        is_wanted: true,
        since: Some("mzxw6ytb:7"),
    };
    let opening = Wire::Json.opening("a", None, recovery);
    let subscribe: &[u8] = b"\n{\"id\":2,\"subscribe\":{\"channel\":\"a\",\"recover\":true,\
        \"epoch\":\"mzxw6ytb\",\"offset\":7,\"recoverable\":true}}\n";
    assert!(opening.ends_with(subscribe));
}

#[test]
fn replies_pushes_and_pings_are_read_and_what_is_none_of_them_is_an_error() {
    let lines = b"{\"id\":1,\"connect\":{\"client\":\"c\",\"ping\":25,\"pong\":true}}\n\
        {\"id\":2,\"subscribe\":{}}\n{}\n\
        {\"push\":{\"channel\":\"a\",\"pub\":{\"data\":\"AQI=\",\"offset\":3}}}\n\
        {\"push\":{\"channel\":\"a\",\"join\":{\"info\":{}}}}\n{\"id\":2,\"error\":{\"code\":103,\"message\":\"x\"}}";
    let said = |offset: u32| {
        format!(
            "Subscribed({:?}) Ping Message({offset}, [1, 2]) Refused(103) ",
            Standing::default()
        )
    };
    assert_eq!(read(Wire::Json, lines), Ok(said(3)));
    let recovered = b"{\"id\":2,\"subscribe\":{\"recoverable\":true,\"epoch\":\"e\",\"offset\":7,\
        \"publications\":[{\"data\":\"AQI=\",\"offset\":8}],\"was_recovering\":true}}";
    let standing = Standing {
        epoch: "e",
        offset: 7,
        has_gap: true,
    };
    let expected = format!("Subscribed({standing:?}) Message(8, [1, 2]) ");
    assert_eq!(read(Wire::Json, recovered), Ok(expected));
    let messages: &[u8] = &[
        5, 8, 1, 42, 1, 0x0a, // A connect reply whose field is cut: not protobuf.
    ];
    assert_eq!(read(Wire::Protobuf, &messages[..3]), Err(()));
    let messages: &[u8] = &[
        4, 8, 1, 42, 0, // id 1, connect {}
        4, 8, 2, 50, 0, // id 2, subscribe {}
        0, // ping
        11, 34, 9, 18, 1, b'a', 34, 4, 34, 2, 1, 2, // push, channel a, pub, data 1 2
        6, 8, 2, 18, 2, 8, 103, // id 2, error 103
    ];
    assert_eq!(read(Wire::Protobuf, messages), Ok(said(0)));
    for cut in 1..messages.len() {
        // Cut between two of them, the front is whole.
        let is_whole = [5, 10, 11, 23].contains(&cut);
        assert_eq!(
            read(Wire::Protobuf, &messages[..cut]).is_ok(),
            is_whole,
            "{cut}"
        );
    }
    for wrong in [&b"x"[..], b"{\"push\":{\"pub\":{\"data\":\"!\"}}}", b"7"] {
        assert_eq!(read(Wire::Json, wrong), Err(()));
    }
}
