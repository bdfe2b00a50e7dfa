use crate::cli::sub::said::Said;
use crate::cli::sub::session::Session;
use crate::cli::sub::since::Since;
use crate::proto::centrifuge::{
    Answer, Command, ConnectResult, Error, ErrorCode, Event, HistoryResult, Publication, Push,
    Reply, Request, SubscribeRequest, SubscribeResult, Unsubscribe, Wire,
};

/// What the session makes of what is done with it: commands, and the rest in words.
fn said(session: &mut Session, act: impl FnOnce(&mut Session, &mut Vec<Said>)) -> Vec<String> {
    let mut out = Vec::new();
    act(session, &mut out);
    let said = out.into_iter().map(|said| match said {
        Said::Ready => "ready".to_owned(),
        Said::Message(message) => format!(
            "{} {} {}",
            message.topic,
            message.offset.unwrap_or_default(),
            String::from_utf8(message.payload).unwrap()
        ),
        Said::Note(text) => text,
        Said::Leave(text) => format!("leave: {text}"),
        Said::End(failure) => format!("end: {failure}"),
        Said::Send(command) => {
            let command = Wire::Protobuf.commands(&command).next().unwrap().unwrap();
            show(&command)
        }
    });
    said.collect()
}

fn show(command: &Command) -> String {
    let id = command.id;
    match &command.request {
        Request::Pong => "pong".to_owned(),
        Request::Connect(request) => format!("{id} connect {:?}", request.token),
        Request::Subscribe(SubscribeRequest {
            channel,
            recover,
            offset,
            ..
        }) => format!("{id} subscribe {channel} {recover} {offset}"),
        Request::History(request) => {
            let since = request.since.as_ref().map(|since| since.offset);
            format!(
                "{id} history {} {} {since:?}",
                request.channel, request.limit
            )
        }
        other => panic!("{other:?}"),
    }
}

fn reply(session: &mut Session, reply: &Reply) -> Vec<String> {
    let mut message = Vec::new();
    Wire::Protobuf.encode_reply(&mut message, reply);
    said(session, |session, out| {
        session.handle_message(&message, out);
    })
}

fn answer(session: &mut Session, id: u32, answer: Answer) -> Vec<String> {
    reply(session, &Reply::new(id, answer))
}

fn session(topics: &[&str], since: Option<Since>) -> Session {
    let topics: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
    Session::new(&topics, since, true)
}

fn connect(session: &mut Session) -> Vec<String> {
    said(session, |session, out| {
        session.handle_connected(Some("t".to_owned()), out);
    })
}

fn connected() -> Answer {
    Answer::Connect(ConnectResult::default())
}

fn live(offset: u64) -> SubscribeResult {
    SubscribeResult {
        recoverable: true,
        positioned: true,
        epoch: "mzxw6ytb".to_owned(),
        offset,
        ..SubscribeResult::default()
    }
}

fn publication(offset: u64) -> Publication {
    Publication {
        data: b"x".to_vec(),
        offset,
        ..Publication::default()
    }
}

fn push(channel: &str, event: Event) -> Reply {
    Reply::push(Push::of(channel, event))
}

#[test]
fn it_subscribes_to_all_and_comes_back_to_where_it_was() {
    let mut session = session(&["a", "b:+"], None);
    assert_eq!(connect(&mut session), ["1 connect \"t\""]);
    let asked = answer(&mut session, 1, connected());
    assert_eq!(asked, ["2 subscribe a false 0", "3 subscribe b:+ false 0"]);
    assert!(answer(&mut session, 2, Answer::Subscribe(live(6))).is_empty());
    let plain = Answer::Subscribe(SubscribeResult::default());
    assert_eq!(answer(&mut session, 3, plain), ["ready"]);
    let seven = push("a", Event::Pub(publication(7)));
    assert_eq!(reply(&mut session, &seven), ["a 7 x"]);
    let mut named = publication(0);
    named.channel = "b:1".to_owned();
    let of_pattern = push("b:+", Event::Pub(named));
    assert_eq!(reply(&mut session, &of_pattern), ["b:1 0 x"]);
    assert_eq!(reply(&mut session, &Reply::PING), ["pong"]);
    assert!(!session.is_complete(), "a pattern has no history");

    assert_eq!(connect(&mut session), ["4 connect \"t\""]);
    let asked = answer(&mut session, 4, connected());
    assert_eq!(asked, ["5 subscribe a true 7", "6 subscribe b:+ false 0"]);
    let mut back = live(9);
    back.recovered = true;
    back.publications = vec![publication(8), publication(9)];
    let told = answer(&mut session, 5, Answer::Subscribe(back));
    assert_eq!(told, ["a 8 x", "a 9 x"]);
}

#[test]
fn what_is_lost_is_told() {
    let mut session = session(&["a"], Some(Since::Position("mzxw6ytb:3".parse().unwrap())));
    connect(&mut session);
    assert_eq!(
        answer(&mut session, 1, connected()),
        ["2 subscribe a true 3"]
    );
    let told = answer(&mut session, 2, Answer::Subscribe(live(9)));
    assert!(
        told[0].starts_with("a: gap: ") && told[0].ends_with("mzxw6ytb:9"),
        "{told:?}"
    );
    let end = Event::Unsubscribe(Unsubscribe {
        code: 2500,
        reason: String::new(),
    });
    assert_eq!(
        reply(&mut session, &push("a", end)),
        ["3 subscribe a true 9"]
    );
    let told = answer(
        &mut session,
        3,
        Answer::Subscribe(SubscribeResult::default()),
    );
    assert!(told[0].contains("gap: messages may be missing"), "{told:?}");
    let end = Event::Unsubscribe(Unsubscribe {
        code: 2000,
        reason: "server \u{1b}[2J".to_owned(),
    });
    let told = reply(&mut session, &push("a", end));
    assert!(
        told[0].starts_with("end: a: the server has ended") && !told[0].contains('\u{1b}'),
        "{told:?}"
    );
}

#[test]
fn earlier_messages_are_read_before_it_subscribes() {
    let history = |offsets: &[u64], offset| {
        Answer::History(HistoryResult {
            publications: offsets.iter().map(|at| publication(*at)).collect(),
            epoch: "mzxw6ytb".to_owned(),
            offset,
        })
    };
    let mut all = session(&["a"], Some(Since::Earliest));
    connect(&mut all);
    assert_eq!(answer(&mut all, 1, connected()), ["2 history a -1 None"]);
    let told = answer(&mut all, 2, history(&[4, 5], 7));
    assert_eq!(told, ["a 4 x", "a 5 x", "3 history a -1 Some(5)"]);
    let told = answer(&mut all, 3, history(&[6, 7], 7));
    assert_eq!(told, ["a 6 x", "a 7 x", "4 subscribe a true 7"]);
    let mut newest = session(&["a"], Some(Since::Last(2)));
    connect(&mut newest);
    assert_eq!(answer(&mut newest, 1, connected()), ["2 history a 2 None"]);
    let told = answer(&mut newest, 2, history(&[7, 6], 7));
    assert_eq!(told, ["a 6 x", "a 7 x", "3 subscribe a true 7"]);
    // A server answers with a page, and the next one is older.
    let mut more = session(&["a"], Some(Since::Last(5)));
    connect(&mut more);
    assert_eq!(answer(&mut more, 1, connected()), ["2 history a 5 None"]);
    let told = answer(&mut more, 2, history(&[9, 8], 9));
    assert_eq!(told, ["3 history a 3 Some(8)"]);
    let told = answer(&mut more, 3, history(&[7, 6], 10));
    assert_eq!(told, ["4 history a 1 Some(6)"]);
    let told = answer(&mut more, 4, history(&[], 10));
    let all = ["a 6 x", "a 7 x", "a 8 x", "a 9 x", "5 subscribe a true 9"];
    assert_eq!(told, all);
}

#[test]
fn a_refusal_ends_it_unless_it_passes() {
    let mut session = session(&["a"], None);
    connect(&mut session);
    let expired = Reply::error(1, Error::from(ErrorCode::TokenExpired));
    let told = reply(&mut session, &expired);
    assert!(
        told[0].starts_with("leave: cannot connect: token expired (109)"),
        "{told:?}"
    );
    session.renews_token = false;
    connect(&mut session);
    let expired = Reply::error(2, Error::from(ErrorCode::TokenExpired));
    let told = reply(&mut session, &expired);
    assert!(
        told[0].contains("end: ") && told[0].contains("--token-command"),
        "{told:?}"
    );
    connect(&mut session);
    answer(&mut session, 3, connected());
    let denied = Reply::error(4, Error::from(ErrorCode::PermissionDenied));
    let told = reply(&mut session, &denied);
    assert!(told[0].starts_with("end: cannot subscribe to a: permission denied (103); no rule"));
}
