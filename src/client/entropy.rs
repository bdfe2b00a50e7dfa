//! Where a client's random numbers come from.

use std::hash::{BuildHasher, Hasher, RandomState};

use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes` from `getrandom(2)`.
///
/// RFC 6455 10.3 wants masking keys "from a source of entropy that is strong", so that no page or
/// payload can choose the bytes that an intermediary sees. That is the kernel's generator; the
/// hasher's keys are the kernel's, too, but nothing promises what becomes of them.
pub(crate) fn fill(bytes: &mut [u8]) {
    let wanted = bytes.len();
    if getrandom(&mut *bytes, GetRandomFlags::empty()) == Ok(wanted) {
        return;
    }
    // The kernel has the call since 3.17, and gives up to 256 bytes whole. Only a filter on
    // system calls leads here.
    for chunk in bytes.chunks_mut(8) {
        let number = RandomState::new().build_hasher().finish().to_ne_bytes();
        chunk.copy_from_slice(&number[..chunk.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn every_byte_is_filled() {
        let mut seen = [0; 256];
        for _ in 0..64 {
            let mut bytes = [0; 256];
            fill(&mut bytes);
            for (seen, byte) in seen.iter_mut().zip(bytes) {
                *seen |= byte;
            }
        }
        assert!(seen.iter().all(|byte| *byte != 0));
    }
}
