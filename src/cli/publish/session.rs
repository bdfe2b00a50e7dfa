//! Publishing over the structured protocol, which acknowledges each message.

use std::time::{Duration, Instant};

use crate::cli::Failure;
use crate::cli::dial::advice::{explain, refusal};
use crate::cli::dial::{Dial, clock, connect};
use crate::cli::publish::opening::Opening;
use crate::client::{Client, Event, RecvError};
use crate::proto::Kind;
use crate::proto::centrifuge::{
    Answer, Command, ConnectRequest, PublishRequest, Reply, Request, decode_replies, encode_command,
};

/// A connection whose messages are published, each with an answer.
pub(super) struct Session {
    client: Client,
    topic: String,
    has_token: bool,
    last_id: u32,
    /// Messages that the server has acknowledged.
    answered: u32,
}

impl Session {
    /// Connects.
    pub(super) fn connect(dial: &Dial, topic: &str) -> Result<Self, Failure> {
        // Before it connects: the server does not wait long for the first command.
        let token = dial.token.make();
        let token = token.map_err(|err| Failure::failed(format!("there is no token: {err}")))?;
        let mut session = Self {
            client: connect(dial.session_client()?)?,
            topic: topic.to_owned(),
            has_token: dial.token.is_given(),
            last_id: 0,
            answered: 0,
        };
        session.begin(token, Opening::new(dial))?;
        Ok(session)
    }

    /// Waits for the connection, and for the answer to the first command.
    fn begin(&mut self, token: Option<String>, mut opening: Opening) -> Result<(), Failure> {
        let connect = Request::Connect(ConnectRequest {
            token: token.unwrap_or_default(),
            name: "corecast pub".to_owned(),
            ..ConnectRequest::default()
        });
        loop {
            match opening.next(&mut self.client)? {
                Event::Connected { .. } => {
                    let command = Command {
                        id: CONNECT,
                        request: connect.clone(),
                    };
                    self.say(command)?;
                }
                Event::Message { payload, .. } => {
                    let replies = read(&payload)?;
                    if let Some(reply) = replies.into_iter().find(|reply| reply.id == CONNECT) {
                        self.last_id = CONNECT;
                        return accepted(reply, "cannot connect");
                    }
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, command: Command) -> Result<(), Failure> {
        let command = encode_command(command);
        let sent = self
            .client
            .send(Kind::Binary, &command, clock() + ANSWER_TIMEOUT);
        sent.map_err(|err| self.broken(&err.to_string()))
    }

    /// Publishes one message; up to [`AHEAD`] of them wait for their answers.
    pub(super) fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.last_id += 1;
        let request = Request::Publish(PublishRequest {
            channel: self.topic.clone(),
            data: payload.to_vec(),
            ..PublishRequest::default()
        });
        self.say(Command {
            id: self.last_id,
            request,
        })?;
        self.wait_for_all_but(AHEAD)
    }

    /// Waits until at most so many messages have no answer.
    fn wait_for_all_but(&mut self, most: u32) -> Result<(), Failure> {
        let mut deadline = clock() + ANSWER_TIMEOUT;
        while most < (self.last_id - CONNECT).saturating_sub(self.answered) {
            let before = self.answered;
            if !self.take(deadline)? {
                return Err(self.broken("the server did not answer in time"));
            }
            if before < self.answered {
                deadline = clock() + ANSWER_TIMEOUT;
            }
        }
        Ok(())
    }

    /// Keeps the connection alive for a while.
    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Failure> {
        let end = clock() + time;
        while self.take(end)? {}
        Ok(())
    }

    /// Handles one event; false if there is none until the deadline.
    fn take(&mut self, deadline: Instant) -> Result<bool, Failure> {
        match self.client.recv(deadline) {
            Ok(Event::Message { payload, .. }) => {
                for reply in read(&payload)? {
                    self.handle(reply)?;
                }
            }
            Ok(Event::Disconnected { reason, .. }) => {
                return Err(self.broken(&explain(&reason, self.has_token)));
            }
            Ok(_) => {}
            Err(RecvError::Timeout) => return Ok(false),
            Err(RecvError::Ended) => return Err(self.broken("the client has ended")),
        }
        Ok(true)
    }

    fn handle(&mut self, reply: Reply) -> Result<(), Failure> {
        match (reply.id, &reply.answer) {
            (0, None) => self.say(Command {
                id: 0,
                request: Request::Pong,
            }),
            (0 | CONNECT, _) => Ok(()),
            // It was not asked for.
            (id, _) if self.last_id < id => Ok(()),
            _ => {
                let number = reply.id - CONNECT;
                accepted(reply, &format!("message {number} is not published"))?;
                self.answered += 1;
                Ok(())
            }
        }
    }

    fn broken(&self, why: &str) -> Failure {
        let published = self.answered;
        Failure::failed(format!(
            "{why}; {published} messages are published, of {} that were sent",
            self.last_id.saturating_sub(CONNECT)
        ))
    }

    /// Waits for all answers, and closes the connection.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.wait_for_all_but(0)?;
        // All is published, whatever the server says now.
        let _closed = self.client.close(clock() + CLOSE_TIMEOUT);
        Ok(())
    }
}

fn read(message: &[u8]) -> Result<Vec<Reply>, Failure> {
    let replies = decode_replies(message);
    replies.map_err(|err| Failure::failed(format!("the server has broken the protocol: {err}")))
}

fn accepted(reply: Reply, otherwise: &str) -> Result<(), Failure> {
    match reply.answer {
        Some(Answer::Error(error)) => {
            let why = refusal(&error);
            Err(Failure::failed(format!("{otherwise}: {why}")))
        }
        _ => Ok(()),
    }
}

/// The number of the first command; those of messages follow.
const CONNECT: u32 = 1;
/// Messages without an answer.
const AHEAD: u32 = 64;
/// How long the server may take for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
