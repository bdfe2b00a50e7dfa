//! Methods about subscriptions of a user's clients: `subscribe` and `unsubscribe`, as Centrifugo
//! has them.

use serde_json::value::RawValue;

use crate::auth::Action;
use crate::handler::{Busy, ServerSubscription};
use crate::relay::api::failure::{CHANNEL, Failure, NO_OVERRIDE, TOO_LONG, bad_request};
use crate::relay::api::history::Since;
use crate::relay::api::users::{Act, Whom, given};
use crate::relay::api::{Outcome, Work, is_channel};
use crate::relay::commands::{self, Numbered};
use crate::relay::values::Text;

/// A subscription of a user's clients; of one that ends nothing more is said than which. Unknown
/// fields are refused, as with other commands about users.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct OfSubscription<'b> {
    #[serde(borrow)]
    user: Option<Text<'b>>,
    #[serde(borrow)]
    channel: Option<Text<'b>>,
    #[serde(borrow)]
    client: Option<Text<'b>>,
    #[serde(borrow)]
    session: Option<Text<'b>>,
    #[serde(borrow)]
    info: Option<&'b RawValue>,
    #[serde(borrow)]
    b64info: Option<Text<'b>>,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
    #[serde(borrow)]
    b64data: Option<Text<'b>>,
    expire_at: Option<u64>,
    #[serde(borrow)]
    recover_since: Option<Since<'b>>,
    r#override: Option<Override>,
}

/// What holds for one subscription in place of the settings of its topic.
#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Override {
    presence: Option<Switch>,
    join_leave: Option<Switch>,
    force_recovery: Option<Switch>,
    force_positioning: Option<Switch>,
    force_push_join_leave: Option<Switch>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Switch {
    #[serde(default)]
    value: bool,
}

/// What is done about a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubscriptionMethod {
    Begin,
    End,
}

impl<'b> Numbered<'b> {
    /// One about a subscription, with its method.
    pub(super) fn of_subscription(
        &self,
    ) -> Option<(&'static str, SubscriptionMethod, &OfSubscription<'b>)> {
        let begin = self.subscribe.as_ref();
        let begin = begin.map(|command| ("subscribe", SubscriptionMethod::Begin, command));
        let end = self.unsubscribe.as_ref();
        begin.or_else(|| Some(("unsubscribe", SubscriptionMethod::End, end?)))
    }
}

impl Work<'_, '_> {
    /// Begins or ends a subscription of a user's clients.
    pub(super) fn change_subscription(
        &mut self,
        method: SubscriptionMethod,
        command: &OfSubscription<'_>,
    ) -> Result<Outcome, Busy> {
        let channel = command.channel.as_ref();
        self.order(command.whom(), |work, number| match method {
            SubscriptionMethod::Begin => {
                // What the user reads then, the key must be allowed to.
                let channel = work.permit_channel(number, Action::Subscribe, channel)?;
                let settings = work.cx.topic_settings(channel);
                let own = command.r#override.unwrap_or_default();
                // These hold for the topic.
                let is_settled = fits(own.presence, settings.presence)
                    && fits(own.join_leave, settings.join_leave)
                    && (own.pushes_joins()
                        || fits(own.force_push_join_leave, settings.force_push_join_leave));
                let subscription = command.subscription(channel, own)?;
                if work.cx.message_bytes_max() < subscription.subscribed.data.len() {
                    return Err(TOO_LONG);
                }
                is_settled
                    .then_some(Act::Subscribe(subscription))
                    .ok_or(NO_OVERRIDE)
            }
            SubscriptionMethod::End => {
                let channel = channel.map_or("", |Text(text)| text);
                let channel = Some(channel).filter(|channel| is_channel(channel));
                channel.map(Act::Unsubscribe).ok_or(CHANNEL)
            }
        })
    }
}

impl<'b> OfSubscription<'b> {
    fn whom(&self) -> Whom<'_, 'b> {
        Whom {
            user: self.user.as_ref(),
            client: self.client.as_ref(),
            session: self.session.as_ref(),
            whitelist: None,
        }
    }

    fn subscription(&self, channel: &str, own: Override) -> Result<ServerSubscription, Failure> {
        let mut subscription = ServerSubscription::new(channel);
        subscription.subscribed.info = bytes(self.info, self.b64info.as_ref())?;
        subscription.subscribed.data = bytes(self.data, self.b64data.as_ref())?;
        subscription.subscribed.expires_at = self.expire_at.filter(|at| *at != 0);
        if let Some(since) = &self.recover_since {
            subscription.since = since.place();
        }
        subscription.recoverable = own.force_recovery.map(|own| own.value);
        subscription.positioned = own.force_positioning.map(|own| own.value);
        subscription.joins = own.pushes_joins();
        Ok(subscription)
    }
}

impl Override {
    fn pushes_joins(self) -> bool {
        self.force_push_join_leave.is_some_and(|own| own.value)
    }
}

/// Whether a setting of a topic is as it is asked for.
fn fits(own: Option<Switch>, setting: bool) -> bool {
    own.is_none_or(|own| own.value == setting)
}

/// What one of two fields says, if it is there.
fn bytes(json: Option<&RawValue>, b64: Option<&Text<'_>>) -> Result<Vec<u8>, Failure> {
    let b64 = given(b64);
    if json.is_none() && b64.is_none() {
        return Ok(Vec::new());
    }
    let (_, bytes) = commands::message(json, b64).ok_or_else(|| bad_request(NO_BASE64))?;
    Ok(bytes.into_owned())
}

const NO_BASE64: &str = "bad request: b64info and b64data are base64";
