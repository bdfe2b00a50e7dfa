//! Methods that revoke tokens: `invalidate_user_tokens` and `revoke_token`, as Centrifugo's PRO
//! edition has them.

use serde::de::IgnoredAny;

use crate::auth::{Action, RevokeError};
use crate::handler::{Busy, Selection};
use crate::relay::api::failure::{DENIED, Failure, bad_request};
use crate::relay::api::users::{PAST, given, user_named};
use crate::relay::api::{Outcome, Work};
use crate::relay::commands::Numbered;
use crate::relay::values::Text;

/// All tokens of a user that were issued before a moment. Unknown fields are refused: a misspelled
/// `issued_before` would revoke newer tokens as well.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct UserTokens<'b> {
    #[serde(borrow)]
    user: Option<Text<'b>>,
    issued_before: Option<u64>,
    /// Taken, and not used: the age of tokens decides when an entry ends.
    #[serde(rename = "expire_at")]
    _expire_at: Option<IgnoredAny>,
    /// There are no tokens for one topic: one that is not empty is refused.
    #[serde(borrow)]
    channel: Option<Text<'b>>,
}

/// One token.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct OneToken<'b> {
    #[serde(borrow)]
    uid: Option<Text<'b>>,
    expire_at: Option<u64>,
    /// Its user, whose connections are to end. Centrifugo finds them by the token, of which a
    /// connection here keeps nothing.
    #[serde(borrow)]
    user: Option<Text<'b>>,
}

/// What a command revokes.
#[derive(Clone, Copy)]
pub(super) enum Revoke<'m, 'b> {
    UserTokens(&'m UserTokens<'b>),
    OneToken(&'m OneToken<'b>),
}

/// The user whose connections are to end, and the number of the command.
type ToEnd<'m> = Option<(usize, &'m str)>;

impl<'b> Numbered<'b> {
    /// One that revokes tokens, with its method.
    pub(super) fn revoke(&self) -> Option<(&'static str, Revoke<'_, 'b>)> {
        let of_user = self.invalidate_user_tokens.as_ref().map(Revoke::UserTokens);
        let of_user = of_user.map(|command| ("invalidate_user_tokens", command));
        let one = || self.revoke_token.as_ref().map(Revoke::OneToken);
        of_user.or_else(|| Some(("revoke_token", one()?)))
    }
}

impl Work<'_, '_> {
    /// Revokes tokens, and ends connections that they may have opened: their clients come back with
    /// other tokens.
    pub(super) fn revoke(&mut self, command: Revoke<'_, '_>) -> Result<Outcome, Busy> {
        let revoked = match command {
            Revoke::UserTokens(command) => self.revoke_user(command),
            Revoke::OneToken(command) => self.revoke_one(command),
        };
        match revoked {
            Ok(Some((number, user))) => {
                let ended = self.cx.refresh_user(user, Selection::All, PAST);
                self.result_of(number, ended)
            }
            Ok(None) => Ok(Ok("{}".to_owned())),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// It is done again if the request is repeated: what has failed must be an error after a wait
    /// as well.
    fn revoke_user<'m>(&mut self, command: &'m UserTokens<'_>) -> Result<ToEnd<'m>, Failure> {
        let user = user_named(command.user.as_ref())?;
        if given(command.channel.as_ref()).is_some() {
            return Err(bad_request(NO_CHANNEL));
        }
        let number = self.permit(user)?;
        let time = command.issued_before.filter(|time| *time != 0);
        let time = time.unwrap_or_else(|| self.cx.time_of_day());
        self.cx.revoke_user(user, time).map_err(failure)?;
        Ok(number.map(|number| (number, user)))
    }

    fn revoke_one<'m>(&mut self, command: &'m OneToken<'_>) -> Result<ToEnd<'m>, Failure> {
        let id = given(command.uid.as_ref());
        let id = id.ok_or_else(|| bad_request("bad request: send uid"))?;
        let user = given(command.user.as_ref()).map(|_| user_named(command.user.as_ref()));
        let user = user.transpose()?;
        let number = self.permit(id)?;
        if let Some(user) = user
            && !self
                .client
                .may(self.cx, Action::Manage, user, number.is_some())
        {
            return Err(DENIED);
        }
        let until = command.expire_at.filter(|time| *time != 0);
        let until = until.unwrap_or(u64::MAX);
        self.cx.revoke_token(id, until).map_err(failure)?;
        Ok(number.zip(user))
    }
}

/// With Centrifugo's codes for a limit and for what is not available.
fn failure(error: RevokeError) -> Failure {
    let (code, what) = match error {
        RevokeError::Full | RevokeError::NotKept => (106, "limit exceeded"),
        RevokeError::NoIdentity => (108, "not available"),
    };
    let message = format!("{what}: {error}").into();
    Failure { code, message }
}

const NO_CHANNEL: &str = "bad request: there are no tokens for one channel; leave channel out";
