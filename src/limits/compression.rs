//! Compression: its defaults, and the work of compressing and decompressing.

/// Compression level, from 1 to 9: nearly as small as level 6, in half the time.
pub const COMPRESSION_LEVEL: u8 = 2;
/// Messages of this many bytes or less are not compressed: compressing would take as long as some
/// sends and save only a part of one packet.
pub const COMPRESSION_THRESHOLD: usize = 256;

/// Work of compressing in one turn for each phase that publishes or delivers, in units of work.
/// Replies may take the same again; beyond that, replies are sent uncompressed.
pub const COMPRESSION_PER_SHARE: isize = 2_000_000;
/// Work of compressing in one turn for all phases together: the sum of their shares. So the last
/// phase still has its share, and no phase begins another message after one that far exceeded its
/// share. The last message may exceed this by three times [`COMPRESSION_OF_MESSAGE`], for three
/// windows.
pub const COMPRESSION_PER_TURN: isize = 8 * COMPRESSION_PER_SHARE;
/// Maximum work of one message for each window. A message that would take longer at the configured
/// level is compressed at a lower one, or not at all if the lowest level would take longer as well.
pub const COMPRESSION_OF_MESSAGE: usize = 12_000_000;
/// Levels below the configured one for messages that are too long for it.
pub const LOWER_LEVELS: [u8; 2] = [6, 1];

/// Work of compressing one byte at the levels from 1 to 9, for the slowest input: random bytes at
/// the lower levels, and text of two letters at the upper ones, where each byte has thousands of
/// possible matches. Other text takes 3 to 15 at any level.
const COMPRESSION_OF_BYTE: [usize; 9] = [10, 20, 25, 30, 40, 100, 200, 500, 1_500];
/// Work to begin a message, whatever its length.
const COMPRESSION_OF_BEGINNING: usize = 20_000;

/// Maximum work of compressing `len` bytes.
pub fn work_of_compression(level: u8, len: usize) -> usize {
    let place = usize::from(level.clamp(1, 9) - 1);
    COMPRESSION_OF_BEGINNING + len.saturating_mul(COMPRESSION_OF_BYTE[place])
}

/// Cost of decompressing in one turn, in bytes of output: some milliseconds, or 15 ms for input
/// that is made to be slow. A message beyond it continues in the next turn. A text of 1 MiB takes
/// two turns if it compresses to an eighth, and four turns if it compresses to a third.
pub const INFLATE_COST_PER_TURN: usize = 2 << 20;
/// Cost between two checks of that limit: 4 KiB of input, which takes at most 0.4 ms, or 64 KiB of
/// output. It is large enough to hide the cost of a call of the decompressor. It is also the share
/// of one waiting connection before the next one continues.
pub const INFLATE_COST_PER_STEP: usize = 64 << 10;
/// Cost of one byte of input, in bytes of output: blocks without output still have codes to be
/// read, 0.1 us for a byte of input where a byte of output takes 1 ns.
pub const INFLATE_COST_OF_INPUT: usize = 16;
/// Cost of a block that is marked as the last and is not, in bytes of output: its window is copied.
pub const INFLATE_COST_OF_RESTART: usize = 1 << 10;
/// Bytes that a codec keeps from one compressed message to the next. Nearly all messages fit, so
/// they need no allocation.
pub const CODEC_BYTES_KEPT: usize = 64 << 10;
/// Maximum number of blocks in a compressed message that are marked as the last and are not: each
/// has a window of 32 KiB copied, and no known compressor makes more than one for each flush.
pub const FINAL_BLOCKS_MAX: usize = 64;
