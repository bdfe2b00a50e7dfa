//! WebSocket frames, extensions and compressed messages.

use crate::internals::fuzz::{MESSAGE_MAX, Outcome, pieces, same, split_plan};
use crate::proto::ws::deflate::{self, Deflater, Inflater, Pace, Window};
use crate::proto::ws::extensions::{self, Extension};
use crate::proto::ws::frame::{
    CONTROL_LEN_MAX, Control, Opcode, encode_compressed_header, encode_header,
};
use crate::proto::ws::{DecoderOf, Event};
use crate::proto::{Kind, ProtocolError};

/// A client's WebSocket bytes.
pub(super) fn ws(data: &[u8]) {
    frames::<true>(data);
}

/// A server's WebSocket bytes.
pub(super) fn ws_server(data: &[u8]) {
    frames::<false>(data);
}

fn frames<const MASKED: bool>(data: &[u8]) {
    let (plan, input) = split_plan(data);
    // The sizes of the pieces leave this bit.
    let deflate = plan.first().is_some_and(|first| first & 0x80 != 0);
    let whole = ws_events::<MASKED>(&[input], deflate);
    same(&whole, &ws_events::<MASKED>(&pieces(plan, input), deflate));
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    same(&whole, &ws_events::<MASKED>(&bytes, deflate));
    let (events, _) = whole;
    let mut encoded = Vec::new();
    for event in &events {
        event.encode::<MASKED>(&mut encoded);
    }
    same(&(events, None), &ws_events::<MASKED>(&[&encoded], deflate));
}

/// A field of extensions: what is read of it, written again, is read the same; and what is granted
/// of it can be asked for.
pub(super) fn ws_extensions(data: &[u8]) {
    let Ok(offers) = extensions::parse(data.split(|byte| *byte == b'\n')) else {
        return;
    };
    let mut field = String::new();
    for Extension { name, params } in &offers {
        field += &format!(",{name}");
        for (name, value) in params {
            field += &format!("; {name}");
            field += &value
                .iter()
                .map(|value| format!("=\"{value}\""))
                .collect::<String>();
        }
    }
    same(
        &extensions::parse([field.as_bytes()].into_iter()).as_ref(),
        &Ok(&offers),
    );
    let Some(granted) = deflate::grant(&offers) else {
        return;
    };
    let mut answer = Vec::new();
    granted.encode(&mut answer);
    // The package's own client offers this, and wants it said.
    let keeps_nothing = String::from_utf8_lossy(&answer).contains("server_no_context_takeover");
    let answer = extensions::parse([&answer[..]].into_iter()).unwrap_or_default();
    let is_taken = matches!(deflate::check_answer(&answer), Some(Some(_)));
    assert_eq!(is_taken, keeps_nothing);
    same(&deflate::grant(&answer), &Some(granted));
}

/// A compressed message, against the whole of it that another reader makes.
pub(super) fn ws_inflate(data: &[u8]) {
    let mut inflater = Inflater::default();
    let message = inflater.inflate(Kind::Binary, data, MESSAGE_MAX);
    let message = message.map(<[u8]>::to_vec);
    // What came before leaves no trace.
    let again = inflater.inflate(Kind::Binary, data, MESSAGE_MAX);
    same(&again.map(<[u8]>::to_vec), &message);
    // Nor does it matter where it is cut.
    let drawn = data
        .iter()
        .take(2)
        .fold(0, |step, byte| step << 8 | usize::from(*byte));
    for step in [1, 40, drawn] {
        same(&inflate_in_steps(&mut inflater, data, step), &message);
    }
    let larger = Inflater::default()
        .inflate(Kind::Binary, data, 4 * MESSAGE_MAX)
        .map(<[u8]>::to_vec);
    match message {
        Ok(message) => {
            assert!(message.len() <= MESSAGE_MAX);
            same(&larger, &Ok(message.clone()));
            let is_text = std::str::from_utf8(&message).is_ok();
            let text = inflater.inflate(Kind::Text, data, MESSAGE_MAX);
            assert_eq!(text.is_ok(), is_text);
            check_compressed(&message);
        }
        Err(ProtocolError::MessageTooBig { limit }) => {
            same(&limit, &MESSAGE_MAX);
            assert!(larger.map_or(true, |message| MESSAGE_MAX < message.len()));
        }
        Err(_) => {}
    }
    check_compressed(data);
}

/// The same message a step at a time, after a part of it was inflated in vain.
fn inflate_in_steps(
    inflater: &mut Inflater,
    data: &[u8],
    step: usize,
) -> Result<Vec<u8>, ProtocolError> {
    inflater.begin(&[]);
    let part = Pace {
        budget: data.len() * 8,
        step,
    };
    if let Ok(Some(message)) = inflater.go_on(Kind::Binary, data, MESSAGE_MAX, part) {
        assert!(message.len() <= MESSAGE_MAX);
    }
    inflater.begin(&[]);
    let pace = Pace { budget: 1, step };
    loop {
        let message = inflater.go_on(Kind::Binary, data, MESSAGE_MAX, pace)?;
        if let Some(message) = message {
            return Ok(message.to_vec());
        }
        assert!(0 < inflater.cost());
    }
}

/// What is compressed comes back, for every window.
fn check_compressed(message: &[u8]) {
    let mut deflater = Deflater::new(1 + message.first().map_or(0, |first| first % 9));
    let mut once = deflater.once(message);
    for window in Window::ALL {
        if let Some(compressed) = once.compressed(window) {
            assert!(compressed.len() < message.len());
            let mut inflater = Inflater::default();
            let back = inflater.inflate(Kind::Binary, compressed, message.len());
            assert_eq!(back, Ok(message));
        }
    }
}

/// An event that owns its bytes.
#[derive(Debug, PartialEq, Eq)]
enum Owned {
    Message(Kind, Vec<u8>),
    Compressed(Kind, Vec<u8>),
    Control(Control, Vec<u8>),
}

impl Owned {
    fn new(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind, payload } => {
                assert!(payload.len() <= MESSAGE_MAX);
                assert!(kind == Kind::Binary || std::str::from_utf8(payload).is_ok());
                Self::Message(kind, payload.to_vec())
            }
            Event::Compressed { kind, payload } => {
                assert!(payload.len() <= MESSAGE_MAX);
                Self::Compressed(kind, payload.to_vec())
            }
            Event::Ping(payload) => Self::control(Control::Ping, payload.to_vec()),
            Event::Pong(payload) => Self::control(Control::Pong, payload.to_vec()),
            Event::Close { code, reason } => {
                let code = code.map(u16::to_be_bytes);
                let payload = [
                    code.as_ref().map_or(&[][..], |code| code),
                    reason.as_bytes(),
                ];
                Self::control(Control::Close, payload.concat())
            }
        }
    }

    fn control(control: Control, payload: Vec<u8>) -> Self {
        assert!(payload.len() <= CONTROL_LEN_MAX);
        Self::Control(control, payload)
    }

    /// As one frame; a masking key of zeros leaves the payload as it is.
    fn encode<const MASKED: bool>(&self, out: &mut Vec<u8>) {
        let (opcode, payload) = match self {
            Self::Message(kind, payload) | Self::Compressed(kind, payload) => {
                (Opcode::Data(*kind), payload)
            }
            Self::Control(control, payload) => (Opcode::Control(*control), payload),
        };
        let start = out.len();
        if let Self::Compressed(..) = self {
            encode_compressed_header(out, opcode, payload.len());
        } else {
            encode_header(out, opcode, payload.len());
        }
        if MASKED {
            out[start + 1] |= 0x80;
            out.extend_from_slice(&[0; 4]);
        }
        out.extend_from_slice(payload);
    }
}

fn ws_events<const MASKED: bool>(pieces: &[&[u8]], deflate: bool) -> Outcome<Owned> {
    let mut decoder = DecoderOf::<MASKED>::default();
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let available = input.len();
            let (taken, event) = match decoder.decode(input, MESSAGE_MAX, deflate) {
                Ok(step) => (step.taken, step.event.map(Owned::new)),
                Err(err) => return (events, Some(err)),
            };
            decoder.release();
            assert!(decoder.is_mid_message() == (0 < decoder.held_bytes()));
            assert!(decoder.held_bytes() <= 512 + 2 * MESSAGE_MAX);
            assert!(taken == available || event.is_some());
            let Some(event) = event else {
                break;
            };
            events.push(event);
            input = &mut input[taken..];
        }
    }
    (events, None)
}
