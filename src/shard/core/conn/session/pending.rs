//! What the client of a session is told of a subscription when that is live.

use data_encoding::BASE64;

use crate::proto::Kind;
use crate::proto::centrifuge::{
    Answer, Data, ErrorCode, Publication, Reply, SUBSCRIBE_REJECT_UNRECOVERED, SubscribeRequest,
    SubscribeResult, Wire,
};
use crate::topic::history::{Kept, Start};

/// What is told of a subscription when it is live.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The number of the command; 0 if there was none.
    pub(crate) id: u32,
    /// The client goes on from here.
    pub(crate) offset: u64,
    pub(crate) rejects_unrecovered: bool,
    pub(crate) result: SubscribeResult,
}

impl Pending {
    pub(crate) fn new(id: u32, request: &SubscribeRequest, result: SubscribeResult) -> Self {
        Self {
            id,
            offset: request.offset,
            rejects_unrecovered: request.flag & SUBSCRIBE_REJECT_UNRECOVERED != 0,
            result,
        }
    }

    /// The subscription is live, and begins with this, if the topic has a history. An error if the
    /// client wants none then. Without `takes_page`, what it has missed is pushed behind this.
    pub(crate) fn finish(self, wire: Wire, start: Option<&mut Start>, takes_page: bool) -> Reply {
        let Self {
            id,
            offset,
            rejects_unrecovered,
            mut result,
        } = self;
        match start {
            None => (result.recoverable, result.positioned) = (false, false),
            Some(start) if result.positioned || result.recoverable => {
                result.recovered = result.was_recovering && !start.has_gap;
                result.epoch = start.position.epoch.to_string();
                let before = start.page.as_ref().map(|page| page.before());
                result.offset = before.unwrap_or(start.position).offset;
                if result.recovered {
                    result.offset = offset;
                    let page = start.page.take_if(|_| takes_page);
                    let entries = page.iter().flat_map(|page| page.entries.iter());
                    let told = if result.delta { value_of } else { publication };
                    result.publications = entries.map(|kept| told(wire, kept)).collect();
                }
            }
            Some(_) => {}
        }
        if rejects_unrecovered && result.was_recovering && !result.recovered {
            return Reply::error(id, ErrorCode::UnrecoverablePosition);
        }
        Reply::new(id, Answer::Subscribe(result))
    }
}

/// The same in a subscription with deltas, where JSON has the value in a string.
fn value_of(wire: Wire, kept: &Kept) -> Publication {
    let publication = publication(wire, kept);
    let Wire::Json = wire else {
        return publication;
    };
    let value = Data::value(kept.payload.kind, &kept.payload.bytes);
    let mut data = Vec::with_capacity(Data::Text.value_len(&value));
    Data::Text.encode(&mut data, &value);
    Publication {
        data,
        ..publication
    }
}

/// A message of a history.
pub(crate) fn publication(wire: Wire, kept: &Kept) -> Publication {
    let bytes = &kept.payload.bytes;
    let extra = kept.extra.as_ref();
    let tags = extra.iter().flat_map(|extra| &extra.tags);
    Publication {
        data: match (wire, kept.payload.kind) {
            // As it is pushed: bytes that happen to be JSON are none.
            (Wire::Json, Kind::Binary) => format!("{:?}", BASE64.encode(bytes)).into_bytes(),
            _ => bytes.to_vec(),
        },
        info: extra.and_then(|extra| extra.info.as_deref().cloned()),
        offset: kept.offset,
        tags: tags
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        ..Publication::default()
    }
}
