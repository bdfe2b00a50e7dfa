//! Methods that do something with the connections of a user: `disconnect` and `refresh`, as
//! Centrifugo has them, and `send`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::auth::Action;
use crate::handler::{Busy, Disconnect, Selection, ServerSubscription, UserError};
use crate::limits::{API_WHITELIST_MAX, USER_BYTES_MAX};
use crate::proto::Kind;
use crate::relay::RelayCx;
use crate::relay::api::failure::{DENIED, Failure, INTERNAL, TOO_LONG, bad_request};
use crate::relay::api::{Outcome, Work};
use crate::relay::commands::{self, Numbered};
use crate::relay::values::{List, Text};

/// A command about the connections of a user. Unknown fields are refused: one may be a misspelled
/// `client`, and without that the command is about all of them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct ForUser<'b> {
    #[serde(borrow)]
    pub(super) user: Option<Text<'b>>,
    #[serde(borrow)]
    client: Option<Text<'b>>,
    #[serde(borrow)]
    session: Option<Text<'b>>,
    #[serde(borrow)]
    whitelist: Option<List<Text<'b>>>,
    #[serde(borrow)]
    disconnect: Option<Word<'b>>,
    expired: Option<bool>,
    expire_at: Option<u64>,
    #[serde(borrow)]
    info: Option<&'b RawValue>,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
    #[serde(borrow)]
    b64data: Option<Text<'b>>,
    /// For lists; one that is not empty is refused.
    #[serde(borrow)]
    pub(super) expression: Option<Text<'b>>,
}

/// What a client is told that is disconnected.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct Word<'b> {
    code: u16,
    #[serde(borrow)]
    reason: Option<Text<'b>>,
}

/// Whose connections a command is about, and which of them.
#[derive(Clone, Copy)]
pub(super) struct Whom<'m, 'b> {
    pub(super) user: Option<&'m Text<'b>>,
    pub(super) client: Option<&'m Text<'b>>,
    pub(super) session: Option<&'m Text<'b>>,
    pub(super) whitelist: Option<&'m List<Text<'b>>>,
}

/// What a command does to connections of its user.
pub(super) enum Act<'m> {
    Send(Kind, Cow<'m, [u8]>),
    /// They end at this time, and others are told this of their clients.
    Refresh(u64, Option<Cow<'m, [u8]>>),
    Disconnect(Disconnect),
    Subscribe(ServerSubscription),
    Unsubscribe(&'m str),
}

impl<'b> ForUser<'b> {
    fn whom(&self) -> Whom<'_, 'b> {
        Whom {
            user: self.user.as_ref(),
            client: self.client.as_ref(),
            session: self.session.as_ref(),
            whitelist: self.whitelist.as_ref(),
        }
    }

    /// The message, as [`Command::message`].
    fn message(&self) -> Option<(Kind, Cow<'_, [u8]>)> {
        commands::message(self.data, self.b64data.as_ref().map(|Text(text)| &**text))
    }
}

impl<'b> Numbered<'b> {
    /// One about a user, with its method.
    pub(super) fn for_user(&self) -> Option<(&'static str, &ForUser<'b>)> {
        let (disconnect, refresh) = (&self.disconnect, &self.refresh);
        let all = [
            ("disconnect", disconnect),
            ("refresh", refresh),
            ("send", &self.send),
        ];
        all.into_iter()
            .find_map(|(method, command)| Some((method, command.as_ref()?)))
    }
}

impl Work<'_, '_> {
    /// Does something with connections of a user.
    pub(super) fn manage(&mut self, method: &str, command: &ForUser<'_>) -> Result<Outcome, Busy> {
        self.order(command.whom(), |work, _| work.act_of(method, command))
    }

    /// Has something done with connections, unless an earlier call has done so. `act` is given the
    /// number of the command.
    pub(super) fn order<'m>(
        &mut self,
        whom: Whom<'m, '_>,
        act: impl FnOnce(&mut Self, usize) -> Result<Act<'m>, Failure>,
    ) -> Result<Outcome, Busy> {
        // What is wrong must be an error after a wait as well.
        let checked = whom.user().and_then(|user| {
            let number = self.next;
            let is_new = self.permit(user)?.is_some();
            let which = whom.selection(self.cx)?;
            Ok((user, number, which.filter(|_| is_new), act(self, number)?))
        });
        let (user, number, which, act) = match checked {
            Ok((user, number, Some(which), act)) => (user, number, which, act),
            Ok(_) => return Ok(Ok("{}".to_owned())),
            Err(failure) => return Ok(Err(failure)),
        };
        let cx = &mut *self.cx;
        let done = match act {
            Act::Send(kind, bytes) => cx.send_to_user(user, kind, &bytes),
            Act::Refresh(at, Some(info)) => cx.refresh_user_with(user, which, at, &info),
            Act::Refresh(at, None) => cx.refresh_user(user, which, at),
            Act::Disconnect(word) => cx.disconnect_user(user, which, word),
            Act::Subscribe(subscription) => cx.subscribe_user(user, which, subscription),
            Act::Unsubscribe(channel) => cx.unsubscribe_user(user, which, channel),
        };
        self.result_of(number, done)
    }

    /// The number of a command about a user or a token, if the client may give it; `None` if an
    /// earlier call has carried it out.
    pub(super) fn permit(&mut self, name: &str) -> Result<Option<usize>, Failure> {
        let number = self.next;
        self.next += 1;
        let is_new = self.done <= number;
        if !self.client.may(self.cx, Action::Manage, name, is_new) {
            return Err(DENIED);
        }
        Ok(is_new.then_some(number))
    }

    /// What a command is answered that was given to the connections of a user.
    pub(super) fn result_of(
        &mut self,
        number: usize,
        done: Result<(), UserError>,
    ) -> Result<Outcome, Busy> {
        match done {
            Ok(()) => Ok(Ok("{}".to_owned())),
            Err(UserError::Busy(busy)) => {
                self.cx.note_done(number);
                Err(busy)
            }
            Err(error) => Ok(Err(failure(error))),
        }
    }

    /// What a command is about to do, or why it cannot.
    fn act_of<'m>(&self, method: &str, command: &'m ForUser<'_>) -> Result<Act<'m>, Failure> {
        if method == "send" {
            if !command.whom().is_all() {
                return Err(bad_request(NO_SELECTION));
            }
            let words = "bad request: send data, or b64data in base64";
            let (kind, bytes) = command.message().ok_or_else(|| bad_request(words))?;
            let is_too_long = self.cx.message_bytes_max() < bytes.len();
            return (!is_too_long)
                .then_some(Act::Send(kind, bytes))
                .ok_or(TOO_LONG);
        }
        if method == "refresh" {
            let is_over = command.expired.unwrap_or_default();
            let at = command.expire_at.unwrap_or_default();
            let info = commands::message(command.info, None).map(|(_, info)| info);
            return Ok(Act::Refresh(if is_over { PAST } else { at }, info));
        }
        let word = command.disconnect.as_ref().map(|word| {
            let reason = word.reason.as_ref().map_or("", |Text(text)| text);
            Disconnect::new(word.code, reason)
        });
        let word = word.transpose().map_err(failure)?;
        Ok(Act::Disconnect(word.unwrap_or_default()))
    }
}

pub(super) fn user_named<'m>(user: Option<&'m Text<'_>>) -> Result<&'m str, Failure> {
    let user = user.map_or("", |Text(user)| user);
    if user.is_empty() {
        return Err(bad_request("bad request: send user"));
    }
    if USER_BYTES_MAX < user.len() {
        return Err(failure(UserError::Name));
    }
    Ok(user)
}

impl<'m> Whom<'m, '_> {
    /// The user, which a connection may be without that is named.
    fn user(&self) -> Result<&'m str, Failure> {
        match given(self.user) {
            None if self.names_one() => Ok(""),
            _ => user_named(self.user),
        }
    }

    /// Whether none of the user's connections is left out.
    fn is_all(&self) -> bool {
        let whitelist = self.whitelist;
        !self.names_one() && whitelist.is_none_or(|List(others)| others.is_empty())
    }

    fn names_one(&self) -> bool {
        [self.client, self.session]
            .into_iter()
            .any(|text| given(text).is_some())
    }

    /// Which of the connections; `None`: none.
    fn selection(&self, cx: &RelayCx<'_>) -> Result<Option<Selection>, Failure> {
        let id = |id: &str| id.parse().map_err(|_| bad_request(NO_ID));
        let others = self.whitelist.map_or(&[][..], |List(others)| others);
        if API_WHITELIST_MAX < others.len() {
            let words = format!("bad request: a whitelist has at most {API_WHITELIST_MAX} ids");
            return Err(bad_request(words));
        }
        let others = others.iter().map(|Text(other)| id(other));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        let client = given(self.client).map(id).transpose()?;
        let session = given(self.session).map(|name| cx.find_session(name));
        let one = match (client, session) {
            (None, None) if others.is_empty() => return Ok(Some(Selection::All)),
            (None, None) => return Ok(Some(Selection::AllBut(others))),
            (Some(client), None) => Some(client),
            (None, Some(found)) => found,
            (Some(client), Some(found)) => found.filter(|found| *found == client),
        };
        let one = one.filter(|one| !others.contains(one));
        Ok(one.map(Selection::Only))
    }
}

/// An empty text is none.
pub(super) fn given<'m>(text: Option<&'m Text<'_>>) -> Option<&'m str> {
    let text = text.map(|Text(text)| &**text);
    text.filter(|text| !text.is_empty())
}

pub(super) fn failure(error: UserError) -> Failure {
    match error {
        UserError::Name
        | UserError::Disconnect
        | UserError::Message
        | UserError::Topic
        | UserError::Info => bad_request(format!("bad request: {error}")),
        _ => INTERNAL,
    }
}

const NO_SELECTION: &str = "bad request: send is for all connections of a user";
const NO_ID: &str = "bad request: a client is an id of /api/connections, such as 3.17.2";
/// A time that is over: the connection ends now.
pub(super) const PAST: u64 = 1;
