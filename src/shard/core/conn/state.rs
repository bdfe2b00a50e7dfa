//! Where a connection is in its life, and why it is not read.

/// Where a connection is in its life. [`State::may_become`] has the moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The handler has not accepted it: it sends requests, or waits to be opened.
    Opening,
    /// The handler is asked for the answer to a request, and nothing else may be sent.
    Answering,
    /// The handler could not say yet whether it accepts it: what it has sent stays in the outbox.
    Deferred,
    /// Accepted, and not told so before its subscriptions are live: the outbox stays where it is.
    /// A session is once more when it connects.
    Corked,
    /// Accepted, and told so.
    Open,
    /// Its last word is in the outbox, and nothing goes after it.
    Closing,
    /// Its socket is closed at the end of the turn.
    Dead,
}

/// Why a connection is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It is read.
    #[default]
    None,
    /// Its message waits for space at its topic's home, or on the way there.
    Space,
    /// Its client must read what it was sent first.
    Outbox,
    /// Another thread is to answer.
    Answer,
    /// A moment is to pass: for its rate, or before the next try.
    Moment,
    /// Its subscriptions are not live yet.
    Corked,
    /// Its client is to be identified.
    Verification,
    /// Its message is to be inflated.
    Inflate,
    /// What it waited for has come, and it is to be read on.
    Turn,
    /// Its last word is said, and enough of what it still sends was discarded for now.
    Discard,
}

impl State {
    /// Whether a connection may go from here to there.
    pub(crate) fn may_become(self, next: Self) -> bool {
        match self {
            Self::Opening => next != Self::Opening,
            Self::Answering => matches!(next, Self::Opening | Self::Dead),
            Self::Deferred => matches!(next, Self::Opening | Self::Closing | Self::Dead),
            Self::Corked => matches!(next, Self::Open | Self::Closing | Self::Dead),
            Self::Open => matches!(next, Self::Corked | Self::Closing | Self::Dead),
            Self::Closing => next == Self::Dead,
            Self::Dead => false,
        }
    }

    /// Whether the handler has not accepted it yet.
    pub(crate) fn is_opening(self) -> bool {
        matches!(self, Self::Opening | Self::Answering | Self::Deferred)
    }

    /// Whether the handler has accepted it, and it is not about to end.
    pub(crate) fn is_accepted(self) -> bool {
        matches!(self, Self::Corked | Self::Open)
    }

    /// Whether what is in its outbox stays there.
    pub(crate) fn is_corked(self) -> bool {
        matches!(self, Self::Deferred | Self::Corked)
    }

    /// Whether nothing more may be sent to it: of its own, or beside an answer.
    pub(crate) fn is_closing(self) -> bool {
        matches!(self, Self::Answering | Self::Closing | Self::Dead)
    }
}

#[cfg(test)]
mod tests {
    use super::State::{self, Answering, Closing, Corked, Dead, Deferred, Open, Opening};

    const ALL: [State; 7] = [Opening, Answering, Deferred, Corked, Open, Closing, Dead];

    #[test]
    fn every_state_leads_to_the_end_and_nothing_leads_back_from_it() {
        for state in ALL {
            assert_eq!(state.may_become(Dead), state != Dead, "{state:?}");
            assert!(!state.may_become(state), "{state:?}");
            assert!(!Dead.may_become(state) && (state == Dead || !Closing.may_become(state)));
        }
    }

    #[test]
    fn what_is_accepted_is_never_opened_again() {
        for accepted in ALL.into_iter().filter(|state| state.is_accepted()) {
            assert!(
                !ALL.iter()
                    .any(|next| next.is_opening() && accepted.may_become(*next))
            );
        }
    }
}
