//! Topics under load: publishers that follow a schedule, and subscribers that check what comes.

mod audience;
pub(crate) mod churn;
mod inbox;
mod members;
pub(crate) mod positions;
pub(crate) mod progress;
mod publishers;
pub(crate) mod schedule;
mod subscribers;
mod sum;

pub(crate) use crate::pubsub::audience::{Audience, Publisher};
pub(crate) use crate::pubsub::inbox::Inbox;
pub(crate) use crate::pubsub::members::Members;
pub(crate) use crate::pubsub::publishers::Publishers;
pub(crate) use crate::pubsub::subscribers::Subscribers;
pub(crate) use crate::pubsub::sum::{Heard, found, heard, sent};
