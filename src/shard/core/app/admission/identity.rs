//! Identity: which client opens a connection or sends a request, and what it may do.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::certificate::common_name;
use crate::auth::places::Found;
use crate::auth::{Action, Auth, Credential, Forbidden, Places, Principal};
use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::denial::Denial;
use crate::handler::{Busy, Handler, Refusal, Wait};
use crate::id::ConnKey;
use crate::limits::KEYS_ANSWER_TIMEOUT;
use crate::proto::http::Request;
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::topic::patterns::TopicPattern;

/// Why it is not known which client it is.
pub(in crate::shard::core::app) enum Unidentified {
    /// It is not known yet.
    Wait(Busy),
    /// Its credential is not accepted, or it has none.
    Denied(Denial),
    /// It has shown too many that were not accepted, which is counted: the time until the next.
    Throttled(Duration),
}

impl<H: Handler> ShardCore<H> {
    /// Has the identity of clients asked before the handler is.
    pub fn set_auth(&mut self, auth: Auth, places: Places) {
        self.shard.auth = Some(auth);
        self.shard.places = places;
    }

    /// Finds out which client has sent a request, where that is asked.
    pub(in crate::shard::core::app) fn identify(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
    ) -> Result<(), Refusal> {
        if self.shard.auth.is_none() || !self.handler.needs_identity(request) {
            return Ok(());
        }
        let shard = &mut self.shard;
        Cx { shard, key }.identify_by(|cx| {
            let may_have_cookies = || cx.may_send_cookies(request);
            cx.shard.places.find(request, may_have_cookies)
        })
    }

    /// Denies a TCP connection because of its first frame.
    pub(in crate::shard::core) fn refuse_frame(&mut self, key: ConnKey, denial: Denial) {
        let conn = self.shard.conns.live(key);
        let arrival = conn.and_then(|conn| conn.protocol.arrival());
        let peer_info = arrival.and_then(|arrival| arrival.peer_info.clone());
        let shard = &mut self.shard;
        shard.callback.begin(peer_info, None);
        Cx { shard, key }.deny(denial, "");
        self.shard.callback.end();
        self.shard.close(key, CloseReason::Refused(denial.status()));
    }
}

impl<D, A> Cx<'_, D, A> {
    /// The client that the callback is about, with
    /// [`ServerBuilder::auth`](crate::ServerBuilder::auth), in
    /// [`on_open`](crate::Handler::on_open), [`on_head`](crate::Handler::on_head) and
    /// [`on_request`](crate::Handler::on_request), and in those about commands of a session, which
    /// keeps it. `None` in other callbacks, and if
    /// [`needs_identity`](crate::Handler::needs_identity) returned `false`.
    pub fn principal(&self) -> Option<&Principal> {
        self.shard.callback.principal.as_deref()
    }

    /// What decides about clients, if the server asks for their identity.
    pub fn auth(&self) -> Option<&Auth> {
        self.shard.auth.as_ref()
    }

    /// Requires that the [client](Self::principal) may do something with a topic. Without
    /// [`ServerBuilder::auth`](crate::ServerBuilder::auth), every client may do everything.
    ///
    /// # Errors
    ///
    /// It may not, which is counted, logged, and answered with 403.
    pub fn require(&mut self, action: Action, topic: &str) -> Result<(), Refusal> {
        let permitted = self.permit(action, topic);
        permitted.map_err(|words| self.refuse(Denial::Forbidden, &words.to_string()).into())
    }

    /// The same as a question: nothing is counted or logged.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn permit(&self, action: Action, topic: &str) -> Result<(), Forbidden> {
        let Some(auth) = self.auth() else {
            return Ok(());
        };
        if auth.is_insecure() {
            return Ok(());
        }
        auth.permit(self.known_client()?, action, topic)
    }

    /// Whether the client may subscribe to a pattern: only if it may subscribe to each topic that
    /// matches, by the rules or by the rights of its token. Nothing is counted or logged.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn permit_pattern(&self, pattern: &TopicPattern) -> Result<(), Forbidden> {
        let Some(auth) = self.auth().filter(|auth| !auth.is_insecure()) else {
            return Ok(());
        };
        auth.permit_pattern(self.known_client()?, pattern.as_str())
    }

    /// A client that was not asked for its identity may do nothing.
    fn known_client(&self) -> Result<&Principal, Forbidden> {
        let client = self.principal();
        client.ok_or_else(|| Forbidden::new("a client without identity"))
    }

    /// Finds out which client has sent this first frame, or none, where that is asked.
    pub(in crate::shard::core::app) fn identify_frame(
        &mut self,
        frame: Option<&[u8]>,
    ) -> Result<(), Refusal> {
        if self.shard.auth.is_none() {
            return Ok(());
        }
        self.identify_by(|_| frame.map(Found::in_frame).transpose())
    }

    fn identify_by<'b>(
        &mut self,
        find: impl FnOnce(&Self) -> Result<Option<Found<'b>>, Denial>,
    ) -> Result<(), Refusal> {
        let found = find(self);
        self.find_client(found)
            .map_err(|unidentified| match unidentified {
                Unidentified::Wait(busy) => busy.into(),
                Unidentified::Denied(denial) => self.refuse(denial, "").into(),
                Unidentified::Throttled(wait) => self.shard.conns.throttled(self.key, wait).into(),
            })
    }

    /// Finds out which client it is; one that is known may have been revoked while it waited.
    pub(in crate::shard::core::app) fn find_client(
        &mut self,
        found: Result<Option<Found<'_>>, Denial>,
    ) -> Result<(), Unidentified> {
        if let Some(client) = self.principal() {
            return match self.shard.has_revoked(client) {
                true => Err(Unidentified::Denied(Denial::Revoked)),
                false => Ok(()),
            };
        }
        let found = found.map_err(Unidentified::Denied)?;
        let credential = found.as_ref().map(Found::credential);
        let client = self.check_credential(credential, |cx| cx.verify(credential))?;
        self.shard.callback.principal = Some(Box::new(client));
        Ok(())
    }

    /// Checks a credential. A check that finds no time in this turn waits for its turn, and one
    /// that needs other keys for their fetch.
    pub(in crate::shard::core::app) fn check_credential<T>(
        &mut self,
        credential: Option<Credential<'_>>,
        check: impl FnOnce(&mut Self) -> Result<T, Denial>,
    ) -> Result<T, Unidentified> {
        if credential.is_some() {
            if self.must_wait_to_verify() {
                self.shard.env.counters.hit(Limit::VerifyTime);
                return Err(Unidentified::Wait(Busy(Wait::Verification)));
            }
            let Shard { conns, env, .. } = &mut *self.shard;
            let checked = conns.check_attempt(env, self.key);
            checked.map_err(Unidentified::Throttled)?;
        }
        match check(self) {
            Ok(checked) => {
                // What was asked here is answered. The handler may ask again.
                self.shard.questions.forget(self.key);
                Ok(checked)
            }
            Err(denial) => Err(match self.wait_for_keys(denial) {
                Some(wait) => Unidentified::Wait(wait),
                None => Unidentified::Denied(denial),
            }),
        }
    }

    /// Whether others go first, or the turn has no more time.
    fn must_wait_to_verify(&self) -> bool {
        let work = &self.shard.env.work;
        let others_wait = !self.shard.conns.waits.verification.is_empty();
        let is_its_turn = work.is_in(Share::Verification);
        !is_its_turn && (others_wait || work.is_used_up(Share::Verification))
    }

    pub(in crate::shard::core::app) fn verify(
        &mut self,
        credential: Option<Credential<'_>>,
    ) -> Result<Principal, Denial> {
        let certificate = self
            .identity()
            .map(|subject| common_name(subject).to_owned());
        let now = self.time_of_day();
        self.charge_check(credential, |auth| {
            auth.identify(credential, certificate.as_deref(), now)
        })
    }

    /// Checks a token for one subscription, where tokens are checked.
    pub(in crate::shard::core::app) fn verify_subscription(
        &mut self,
        token: &str,
    ) -> Result<Principal, Denial> {
        let now = self.time_of_day();
        let credential = Some(Credential::Token(token));
        self.charge_check(credential, |auth| auth.verify_subscription(token, now))
    }

    /// Checks a credential, and counts the time that this takes.
    fn charge_check(
        &mut self,
        credential: Option<Credential<'_>>,
        check: impl FnOnce(&mut Auth) -> Result<Principal, Denial>,
    ) -> Result<Principal, Denial> {
        let Some(auth) = &mut self.shard.auth else {
            return Ok(Principal::default());
        };
        let checked = check(auth);
        let took = credential.map_or(0, |credential| auth.take_work(credential));
        let work = &mut self.shard.env.work;
        let share = work.swap(Share::Verification);
        work.charge(took);
        work.swap(share);
        checked
    }

    /// Waits for keys that may change a denial, once for each client: the answer to the question is
    /// that the fetch is over.
    fn wait_for_keys(&mut self, denial: Denial) -> Option<Busy> {
        let has_waited = self.answer().is_some();
        let may_fetch = self.auth().is_some_and(|auth| auth.may_fetch(denial));
        if has_waited || !may_fetch {
            return None;
        }
        let (question, wait) = self.defer(KEYS_ANSWER_TIMEOUT);
        let waits = self.auth()?.fetch(move || drop(question));
        waits.then_some(wait)
    }

    /// Takes one opening of the user. `was_known`: it was taken when the opening began to wait.
    pub(in crate::shard::core::app) fn count_opening(
        &mut self,
        was_known: bool,
    ) -> Result<(), Refusal> {
        let throttles = Arc::clone(&self.shard.env.throttles);
        let user = self.principal().and_then(Principal::user);
        let throttle = throttles.users.as_ref().filter(|_| !was_known);
        let Some((throttle, user)) = throttle.zip(user) else {
            return Ok(());
        };
        let Err(wait) = throttle.take(user, self.shard.env.now) else {
            return Ok(());
        };
        let words = format!("user {user:?}");
        self.deny(Denial::Throttled, &words);
        Err(self.shard.conns.throttled(self.key, wait).into())
    }

    /// Gives the connection that is being opened what its client says of it: its user, and that it
    /// ends with the token.
    pub(in crate::shard::core::app) fn take_client(&mut self) -> Result<(), Refusal> {
        let now = self.time_of_day();
        let (auth, client) = (self.auth(), self.principal());
        let Some((auth, client)) = auth.zip(client) else {
            return Ok(());
        };
        let lifetime = auth.lifetime(client, now);
        let user = client.user().map(str::to_owned);
        self.close_after(lifetime.unwrap_or(Duration::MAX));
        if let Some(user) = user {
            self.set_user(&user)?;
        }
        Ok(())
    }
}
