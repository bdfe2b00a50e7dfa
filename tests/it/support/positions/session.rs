//! A client of the structured protocol, subscribed to one topic with its positions.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::TcpStream;

use corecast::Position;
use serde_json::{Value, json};

use crate::support::positions::Told;
use crate::support::positions::body::Body;
use crate::support::raw_ws::{CLOSE, FIN, PING, RawWs, TEXT};

/// A client of the structured protocol, subscribed to one topic with its positions.
#[derive(Debug)]
pub(crate) struct Session {
    carrier: Carrier,
    /// Where it comes back from.
    since: Option<Position>,
    here: Option<Position>,
    /// What an answer has told and the caller has not taken.
    told: VecDeque<Told>,
}

#[derive(Debug)]
enum Carrier {
    Frames(RawWs),
    Lines(Body),
}

impl Session {
    pub(super) fn connect(
        stream: TcpStream,
        has_lines: bool,
        topic: &str,
        since: Option<Position>,
    ) -> io::Result<Self> {
        let mut subscribe = json!({"channel": topic, "positioned": true, "recoverable": true});
        if let Some(since) = since {
            subscribe["recover"] = true.into();
            subscribe["offset"] = since.offset.into();
            subscribe["epoch"] = since.epoch.to_string().into();
        }
        let connect = json!({"id": 1, "connect": {}});
        let commands = format!("{connect}\n{}", json!({"id": 2, "subscribe": subscribe}));
        let carrier = if has_lines {
            let len = commands.len();
            Carrier::Lines(Body::ask(
                stream,
                &format!(
                    "POST /connection/http_stream HTTP/1.1\r\nHost: test\r\n\
                     Content-Length: {len}\r\n\r\n{commands}"
                ),
            )?)
        } else {
            let mut ws = RawWs::try_with_fields(stream, "/connection/websocket", "")?;
            ws.try_send(FIN | TEXT, commands.as_bytes())?;
            Carrier::Frames(ws)
        };
        Ok(Self {
            carrier,
            since,
            here: None,
            told: VecDeque::new(),
        })
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> io::Result<Told> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(told);
            }
            for line in self.carrier.next()?.lines() {
                self.take(&serde_json::from_str(line).unwrap())?;
            }
        }
    }

    fn take(&mut self, reply: &Value) -> io::Result<()> {
        let (push, subscribed) = (&reply["push"], &reply["subscribe"]);
        if subscribed.is_object() {
            self.begin(subscribed);
        } else if push["pub"].is_object() {
            self.take_message(&push["pub"]);
        } else if reply["connect"].is_object() || *reply == json!({}) {
            // A ping is not answered: no test takes as long.
        } else {
            // As after an error, a client begins anew.
            let is_end = ["disconnect", "unsubscribe"].map(|name| push[name].is_object());
            let is_end = is_end.contains(&true) || reply["error"]["temporary"] == true;
            assert!(is_end, "{reply}");
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The subscription is live.
    fn begin(&mut self, subscribed: &Value) {
        let epoch = subscribed["epoch"].as_str().expect("an epoch");
        let offset = subscribed["offset"].as_u64().unwrap_or(0);
        let position: Position = format!("{epoch}:{offset}").parse().unwrap();
        self.here = Some(position);
        self.told.push_back(match self.since {
            Some(_) if subscribed["recovered"] != true => Told::Gap(Some(position)),
            _ => Told::Position(position),
        });
        let missed = subscribed["publications"].as_array();
        missed
            .into_iter()
            .flatten()
            .for_each(|message| self.take_message(message));
    }

    fn take_message(&mut self, message: &Value) {
        let here = self.here.expect("a subscription");
        let offset = message["offset"].as_u64().expect("an offset");
        let position = Position { offset, ..here };
        let text = match &message["data"] {
            Value::String(text) => text.clone(),
            data => data.to_string(),
        };
        self.here = Some(position);
        self.told.push_back(Told::Message(Some(position), text));
    }
}

impl Carrier {
    /// The next lines of replies.
    fn next(&mut self) -> io::Result<String> {
        let ws = match self {
            Self::Lines(body) => return body.read_to(b"\n"),
            Self::Frames(ws) => ws,
        };
        loop {
            let Some((first, bytes)) = ws.next_or_end().filter(|(first, _)| first & 0x0f != CLOSE)
            else {
                return Err(ErrorKind::UnexpectedEof.into());
            };
            if first != FIN | PING {
                return Ok(String::from_utf8(bytes).unwrap());
            }
        }
    }
}
