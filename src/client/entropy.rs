//! The source of a client's random numbers.

use std::hash::{BuildHasher, Hasher, RandomState};

use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes` from `getrandom(2)`.
///
/// RFC 6455 10.3 requires masking keys "from a source of entropy that is strong", so that no page
/// or payload can choose the bytes that an intermediary sees. That is the kernel's generator. The
/// keys of a hasher come from the kernel as well, but nothing guarantees what the hasher makes of
/// them.
pub(crate) fn fill(bytes: &mut [u8]) {
    let wanted = bytes.len();
    if getrandom(&mut *bytes, GetRandomFlags::empty()) == Ok(wanted) {
        return;
    }
    // Linux has the call since 3.17, and returns up to 256 bytes at once. Only a filter of system
    // calls leads here.
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
