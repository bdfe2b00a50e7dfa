//! The attacks: clients that keep to the rules, or nearly, and cost as much as they can.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// One way to attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Attack {
    /// Pongs without a ping, without a pause.
    Pongs,
    /// Pings without a pause.
    Pings,
    /// A message in empty fragments that never ends.
    EmptyFragments,
    /// Empty messages, or empty frames over TCP, without a pause.
    EmptyFrames,
    /// Messages of one byte on topics without subscribers.
    Unheard,
    /// A connection that always has more to be read.
    Endless,
    /// Connections that all send 64 KiB of small messages in the same moment, once a second.
    Burst,
    /// Texts of 1 MB that are hard to compress, on two topics with a subscriber for it each.
    Compress,
    /// Replies to compressed messages of 1 MiB that are never read.
    UnreadReplies,
    /// Messages of which 32 KiB come, and no more.
    Holders,
    /// Messages that come a byte a second.
    Trickle,
    /// Lists in lists of the publish API; needs --api-key.
    NestedBatches,
    /// Bodies for the publish API without its key, but for their last byte.
    KeylessBodies,
}

/// What was asked for by `--attack`: one attack or all, and with how many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// `None` is all.
    pub(super) attack: Option<Attack>,
    /// As many as the attack has by default where nothing is said.
    connections: Option<usize>,
}

/// Connections of one attack at the most.
const CONNECTIONS_MAX: usize = 20_000;

impl Attack {
    /// The word for it, in flags and reports.
    pub(super) fn label(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Connections where nothing is said.
    fn connections(self) -> usize {
        match self {
            Self::Endless => 1,
            Self::Compress | Self::NestedBatches => 4,
            Self::KeylessBodies => 100,
            Self::Burst | Self::UnreadReplies | Self::Trickle => 1_000,
            Self::Holders => 2_000,
            _ => 10,
        }
    }
}

impl Wanted {
    /// All that was asked for, each attack once; what is said of one goes before what is said of
    /// all.
    pub(super) fn list(wanted: &[Self]) -> Vec<(Attack, usize)> {
        let said = |attack| wanted.iter().rfind(|wanted| wanted.attack == attack);
        let attacks = Attack::value_variants().iter().filter_map(|&attack| {
            let connections = said(Some(attack)).or_else(|| said(None))?.connections;
            Some((attack, connections.unwrap_or_else(|| attack.connections())))
        });
        attacks.collect()
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, count) = match text.split_once('=') {
            Some((name, count)) => (name, Some(count)),
            None => (text, None),
        };
        let attack = match name {
            "all" => None,
            name => Some(Attack::from_str(name, false).map_err(|_| {
                let names = Attack::value_variants().iter().map(|attack| attack.label());
                let names = names.collect::<Vec<_>>().join(", ");
                format!("no such attack; there are all, {names}")
            })?),
        };
        let in_bounds = |count: &usize| (1..=CONNECTIONS_MAX).contains(count);
        let connections = count
            .map(|count| count.parse().ok().filter(in_bounds))
            .map(|count| count.ok_or("connections must be 1 to 20000"))
            .transpose()?;
        Ok(Self {
            attack,
            connections,
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.attack.map_or_else(|| "all".to_owned(), Attack::label);
        match self.connections {
            Some(connections) => write!(f, "{name}={connections}"),
            None => f.write_str(&name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_named_alone_with_a_number_or_all_at_once() {
        let list = |text: &str| {
            let wanted: Vec<Wanted> = text.split(',').map(|one| one.parse().unwrap()).collect();
            Wanted::list(&wanted)
        };
        assert_eq!(list("pongs"), [(Attack::Pongs, 10)]);
        assert_eq!(list("burst=20"), [(Attack::Burst, 20)]);
        assert_eq!(list("all").len(), Attack::value_variants().len());
        let some = list("pings=7,all=2");
        assert_eq!(some[..2], [(Attack::Pongs, 2), (Attack::Pings, 7)]);
        for text in ["", "none", "pongs=0", "pongs=20001", "pongs=x", "all="] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }
}
