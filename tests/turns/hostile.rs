//! Compressed messages that take as long as they can for their bytes.

/// Bits to bytes, the least significant of each byte first, RFC 1951 3.1.1.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn bit(&mut self, bit: usize) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        *self.bytes.last_mut().unwrap() |= u8::from(bit != 0) << (self.count % 8);
        self.count += 1;
    }

    fn number(&mut self, number: usize, bits: usize) {
        (0..bits).for_each(|at| self.bit(number >> at & 1));
    }

    /// Codes begin with their most significant bit.
    fn code(&mut self, code: usize, bits: usize) {
        (0..bits).rev().for_each(|at| self.bit(code >> at & 1));
    }
}

/// Blocks that each have codes of their own for everything there may be, and of that a letter,
/// RFC 1951 3.2.7: 88 bytes for each byte that comes out.
pub(crate) fn letters(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    for _ in 0..count {
        bits.number(0b10 << 1, 3);
        bits.number(29, 5);
        bits.number(29, 5);
        bits.number(12 - 4, 4);
        // Lengths 8, 9, 5 and 4 are used, and have 2 bits each.
        for len in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4] {
            bits.number(if [8, 9, 5, 4].contains(&len) { 2 } else { 0 }, 3);
        }
        let (four, five, eight, nine) = (0, 1, 2, 3);
        let literals = (0..286).map(|at| if at < 226 { eight } else { nine });
        let distances = (0..30).map(|at| if at < 2 { four } else { five });
        for len in literals.chain(distances) {
            bits.code(len, 2);
        }
        bits.code(usize::from(b'a'), 8);
        // The end of the block.
        bits.code(226 * 2 + 256 - 226, 9);
    }
    bits.number(0, 3);
    bits.bytes
}
