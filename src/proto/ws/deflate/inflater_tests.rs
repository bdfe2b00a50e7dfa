use super::{Inflater, Pace};
use crate::internals::Rng;
use crate::limits::{INFLATE_COST_OF_INPUT, INFLATE_COST_OF_RESTART, INFLATE_COST_PER_STEP};
use crate::proto::ws::deflate::{Deflater, Window};
use crate::proto::{Kind, ProtocolError};

const STEPS: [usize; 9] = [0, 1, 2, 31, 32, 500, 4096, 10_000, INFLATE_COST_PER_STEP];

fn whole(payload: &[u8], max: usize) -> Result<Vec<u8>, ProtocolError> {
    let mut inflater = Inflater::default();
    let message = inflater.inflate(Kind::Text, payload, max);
    message.map(<[u8]>::to_vec)
}

/// Decompresses in steps, and checks the cost of each.
fn in_steps(
    inflater: &mut Inflater,
    payload: &[u8],
    max: usize,
    step: usize,
) -> Result<Vec<u8>, ProtocolError> {
    inflater.begin(&[]);
    let pace = Pace { budget: 1, step };
    let most = step.max(INFLATE_COST_OF_INPUT) + step.max(1) + INFLATE_COST_OF_RESTART;
    loop {
        let message = inflater.go_on(Kind::Text, payload, max, pace);
        let message = message.map(|message| message.map(<[u8]>::to_vec));
        let cost = inflater.cost();
        assert!(
            cost <= most + 9 * INFLATE_COST_OF_INPUT,
            "{cost} for {step}"
        );
        match message {
            Ok(None) => assert!(0 < cost),
            Ok(Some(message)) => return Ok(message),
            Err(error) => return Err(error),
        }
    }
}

#[track_caller]
fn check(payload: &[u8], max: usize) -> Result<Vec<u8>, ProtocolError> {
    let whole = whole(payload, max);
    let mut inflater = Inflater::default();
    for step in STEPS {
        let cut = in_steps(&mut inflater, payload, max, step);
        assert!(cut == whole, "steps of {step}");
    }
    whole
}

/// Letters, some of them repeated from earlier ones.
fn text(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < len {
        let from = rng.below(text.len() + 1);
        let to = text.len().min(from + rng.below(300));
        text.extend_from_within(from..to);
        text.push(b'a' + rng.byte() % 26);
    }
    text.truncate(len);
    text
}

#[test]
fn a_message_is_the_same_however_it_is_cut() {
    let mut rng = Rng::new(12);
    for len in [1, 300, 4096, 5000, 80_000] {
        for level in [1, 6] {
            let text = text(&mut rng, len);
            let mut deflater = Deflater::new(level);
            let mut once = deflater.once(&text);
            if let Some(compressed) = once.compressed(Window::LARGEST) {
                assert_eq!(check(compressed, len), Ok(text.clone()));
                let limit = len - 1;
                let refused = Err(ProtocolError::MessageTooBig { limit });
                assert_eq!(check(compressed, limit), refused);
            }
        }
    }
    // RFC 7692 7.2.3.4 and .5: several blocks, some of which say that they are the last.
    let hello = b"\xf3\x48\xcd\xc9\xc9\x07\x00";
    let many = [&hello.repeat(60)[..], b"\x02\x13\x00\x00"].concat();
    assert_eq!(check(&many, 1000), Ok(b"Hello".repeat(61)));
    assert_eq!(check(b"\x00", 0), Ok(Vec::new()));
}

#[test]
fn an_error_is_the_same_in_steps_of_any_size() {
    let mut rng = Rng::new(13);
    let text = text(&mut rng, 3000);
    let mut deflater = Deflater::new(6);
    let mut once = deflater.once(&text);
    let good = once.compressed(Window::LARGEST).unwrap().to_vec();
    let invalid = Err(ProtocolError::InvalidDeflate);
    assert_eq!(check(b"", 100), invalid);
    for cut in (0..good.len()).step_by(7) {
        assert_eq!(check(&good[..cut], 3000), invalid, "cut at {cut}");
    }
    let mut errors = [0; 3];
    for _ in 0..300 {
        let mut bad = good.clone();
        let at = rng.below(bad.len());
        bad[at] ^= 1 << rng.below(8);
        match check(&bad, rng.below(6000)) {
            Err(ProtocolError::InvalidDeflate) => errors[0] += 1,
            Err(ProtocolError::MessageTooBig { .. }) => errors[1] += 1,
            Err(ProtocolError::InvalidUtf8) => errors[2] += 1,
            Err(error) => panic!("{error}"),
            Ok(_) => {}
        }
    }
    assert!(errors.iter().take(2).all(|count| 20 < *count), "{errors:?}");
    // If a message both exceeds the limit and is malformed, it counts as too big.
    let letters = b"\xf2\x48\xcd\xc9\xc9\x07\xff\xff";
    for limit in 0..5 {
        let refused = Err(ProtocolError::MessageTooBig { limit });
        assert_eq!(check(letters, limit), refused);
    }
    assert_eq!(check(letters, 5), invalid);
}

#[test]
fn a_message_under_way_is_dropped_for_another() {
    let mut inflater = Inflater::default();
    let mut deflater = Deflater::new(6);
    let long = text(&mut Rng::new(14), 500_000);
    let mut once = deflater.once(&long);
    let compressed = once.compressed(Window::LARGEST).unwrap();
    let pace = Pace {
        budget: 300_000,
        step: 1000,
    };
    inflater.begin(&[]);
    assert_eq!(
        inflater.go_on(Kind::Text, compressed, 1 << 20, pace),
        Ok(None)
    );
    assert!(100_000 < inflater.held_bytes(), "it has come far");
    let hello = inflater.inflate(Kind::Text, b"\xf2\x48\xcd\xc9\xc9\x07\x00", 100);
    assert_eq!(hello, Ok(&b"Hello"[..]));
    assert!(inflater.held_bytes() < 10_000);
}

#[test]
fn a_message_that_refers_to_those_before_is_the_same_however_it_is_cut() {
    let mut compress =
        flate2::Compress::new_with_window_bits(flate2::Compression::best(), false, 15);
    let mut rng = Rng::new(7);
    let words: Vec<String> = (0..400).map(|_| format!("{:x} ", rng.next_u64())).collect();
    let mut inflater = Inflater::default();
    let mut context = Vec::new();
    for len in [1, 10, 300, 2_000, 5, 0, 2_000, 700] {
        let text: String = (0..len).map(|_| &*words[rng.below(words.len())]).collect();
        let mut out = Vec::with_capacity(text.len() + 1_000);
        let sync = flate2::FlushCompress::Sync;
        compress
            .compress_vec(text.as_bytes(), &mut out, sync)
            .unwrap();
        // RFC 7692 7.2.3.6: of nothing comes an empty block.
        let empty = [0, 0, 0, 0xff, 0xff];
        let out = if text.is_empty() { &empty[..] } else { &out };
        let payload = out.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap();
        for step in STEPS {
            inflater.begin(&context);
            let pace = Pace { budget: 1, step };
            let mut cost = 0;
            let message = loop {
                let message = inflater
                    .go_on(Kind::Text, payload, text.len(), pace)
                    .unwrap();
                let message = message.map(<[u8]>::to_vec);
                cost += inflater.cost();
                if let Some(message) = message {
                    break message;
                }
            };
            assert_eq!(message, text.as_bytes(), "{len} in steps of {step}");
            assert!(context.is_empty() || INFLATE_COST_OF_RESTART <= cost);
            if !text.is_empty() {
                inflater.begin(&context);
                let too_long = inflater.go_on(Kind::Text, payload, text.len() - 1, Pace::WHOLE);
                let limit = text.len() - 1;
                assert_eq!(too_long.err(), Some(ProtocolError::MessageTooBig { limit }));
            }
        }
        inflater.begin(&context);
        inflater
            .go_on(Kind::Text, payload, text.len(), Pace::WHOLE)
            .unwrap();
        context = inflater.context().to_vec();
        assert!(
            context.len() <= Window::LARGEST.size()
                && context.ends_with(text.as_bytes().split_at(text.len().saturating_sub(100)).1)
        );
    }
    assert_eq!(context.len(), Window::LARGEST.size());
}
