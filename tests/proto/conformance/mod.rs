//! Our WebSocket against tungstenite, both ways, over memory in place of a socket; and the
//! structured protocol against messages of another library.

mod centrifuge;
mod client;
mod ends;
mod handshake;
mod messages;
mod output;
mod random;
mod violations;
mod wire;

/// The longest message that both sides take.
const MAX: usize = 1 << 20;
/// Payload lengths around every change of the header's length.
const LENGTHS: [usize; 10] = [0, 1, 2, 125, 126, 127, 65_535, 65_536, 65_537, 300_000];

fn bytes_of(len: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(len).collect()
}
