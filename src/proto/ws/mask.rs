//! Masking, RFC 6455 5.3: every payload byte of a client is combined with one byte of a key.

/// Removes (or applies, which is the same operation) the mask of a part of a frame's payload in
/// place. `offset` is the position of `part` in the payload, in bytes.
pub fn unmask(part: &mut [u8], key: [u8; 4], offset: usize) {
    let key: [u8; 4] = std::array::from_fn(|i| key[(i + offset % 4) % 4]);
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = part.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::unmask;

    #[test]
    fn every_offset_and_length_agrees_with_the_rule_of_the_rfc() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for offset in 0..9 {
            for len in 0..200 {
                let masked: Vec<u8> = (0..=u8::MAX).cycle().step_by(7).take(len).collect();
                // RFC 6455 5.3: j = i MOD 4, octet XOR masking-key-octet-j.
                let expected: Vec<u8> = masked
                    .iter()
                    .enumerate()
                    .map(|(i, b)| b ^ key[(i + offset) % 4])
                    .collect();
                let mut part = masked;
                unmask(&mut part, key, offset);
                assert_eq!(part, expected, "offset {offset}, length {len}");
            }
        }
    }

    #[test]
    fn the_largest_offset_does_not_overflow() {
        let mut part = [0; 3];
        unmask(&mut part, [1, 2, 3, 4], usize::MAX);
        assert_eq!(part, [4, 1, 2]);
    }
}
