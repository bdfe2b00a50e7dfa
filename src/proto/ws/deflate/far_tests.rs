//! A minimal reader of RFC 1951, to find how far back compressed bytes refer.

/// Bits, the least significant of each byte first.
struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> usize {
        let byte = self.bytes[self.at / 8];
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        usize::from(bit)
    }

    fn number(&mut self, bits: usize) -> usize {
        (0..bits).fold(0, |number, at| number | self.bit() << at)
    }

    /// RFC 1951 3.2.2: codes of one length follow each other, and those of the next begin behind.
    fn symbol(&mut self, lens: &[usize]) -> usize {
        let (mut code, mut first) = (0, 0);
        for len in 1..16 {
            code = code << 1 | self.bit();
            let mut of_len = (0..lens.len()).filter(|&symbol| lens[symbol] == len);
            let count = of_len.clone().count();
            if code < first + count {
                return of_len.nth(code - first).unwrap();
            }
            first = (first + count) << 1;
        }
        panic!("no code");
    }
}

/// The decompressed bytes of a message, and the longest distance in them.
pub(super) fn read(compressed: &[u8]) -> (Vec<u8>, usize) {
    // The tail, and a last block.
    let bytes = [compressed, b"\x00\x00\xff\xff\x01\x00\x00\xff\xff"].concat();
    let mut bits = Bits {
        bytes: &bytes,
        at: 0,
    };
    let (mut out, mut longest) = (Vec::new(), 0);
    loop {
        let is_last = bits.bit() == 1;
        match bits.number(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let len = bits.number(16);
                assert_eq!(len ^ 0xffff, bits.number(16));
                out.extend((0..len).map(|_| byte(bits.number(8))));
            }
            1 => {
                let lens: Vec<usize> = (0..288).map(fixed_len).collect();
                block(&mut bits, &lens, &[5; 30], &mut out, &mut longest);
            }
            2 => {
                let (literals, distances) = dynamic(&mut bits);
                block(&mut bits, &literals, &distances, &mut out, &mut longest);
            }
            _ => panic!("a block of no kind"),
        }
        if is_last {
            return (out, longest);
        }
    }
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap()
}

fn fixed_len(symbol: usize) -> usize {
    match symbol {
        0..144 => 8,
        144..256 => 9,
        256..280 => 7,
        _ => 8,
    }
}

fn dynamic(bits: &mut Bits<'_>) -> (Vec<usize>, Vec<usize>) {
    let literals = 257 + bits.number(5);
    let distances = 1 + bits.number(5);
    let order = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let mut code_lens = [0; 19];
    let count = 4 + bits.number(4);
    for &symbol in &order[..count] {
        code_lens[symbol] = bits.number(3);
    }
    let mut lens: Vec<usize> = Vec::new();
    while lens.len() < literals + distances {
        let (len, times) = match bits.symbol(&code_lens) {
            16 => (*lens.last().unwrap(), 3 + bits.number(2)),
            17 => (0, 3 + bits.number(3)),
            18 => (0, 11 + bits.number(7)),
            len => (len, 1),
        };
        lens.extend(std::iter::repeat_n(len, times));
    }
    let distances = lens.split_off(literals);
    (lens, distances)
}

fn block(
    bits: &mut Bits<'_>,
    literals: &[usize],
    distances: &[usize],
    out: &mut Vec<u8>,
    longest: &mut usize,
) {
    loop {
        let symbol = bits.symbol(literals);
        match symbol {
            0..256 => out.push(byte(symbol)),
            256 => return,
            _ => {
                let len = length(bits, symbol - 257);
                let symbol = bits.symbol(distances);
                let distance = distance(bits, symbol);
                *longest = distance.max(*longest);
                for _ in 0..len {
                    out.push(out[out.len() - distance]);
                }
            }
        }
    }
}

/// RFC 1951 3.2.5, the first table: four codes for each number of extra bits.
fn length(bits: &mut Bits<'_>, code: usize) -> usize {
    match code {
        0..8 => 3 + code,
        28 => 258,
        _ => {
            let extra = code / 4 - 1;
            3 + ((4 + code % 4) << extra) + bits.number(extra)
        }
    }
}

/// The second table: two codes for each number.
fn distance(bits: &mut Bits<'_>, code: usize) -> usize {
    if code < 4 {
        return 1 + code;
    }
    let extra = code / 2 - 1;
    1 + ((2 + code % 2) << extra) + bits.number(extra)
}
