//! Where an encoding goes: into bytes, or only into their number, which headers need before.

use crate::position::digits;
use crate::proto::centrifuge::json::{Data, encode_string, string_len};

/// Takes an encoding.
pub(super) trait Sink {
    /// Takes bytes.
    fn put(&mut self, bytes: &[u8]);
    /// Takes a text as a string of JSON.
    fn put_string(&mut self, text: &[u8]);
    /// Takes a payload as a value of JSON.
    fn put_data(&mut self, data: Data, payload: &[u8]);

    /// Takes a number of JSON.
    fn put_number(&mut self, value: u64) {
        self.put(digits(value, &mut [0; 20]));
    }

    /// Takes a varint of protobuf.
    fn put_varint(&mut self, value: u64) {
        let mut rest = value;
        while 0x80 <= rest {
            self.put(&[(rest & 0x7f) as u8 | 0x80]);
            rest >>= 7;
        }
        self.put(&[(rest & 0x7f) as u8]);
    }

    /// Takes the beginning of a field of protobuf that has a length.
    fn put_len(&mut self, tag: u8, len: usize) {
        self.put(&[tag << 3 | LEN]);
        self.put_varint(len as u64);
    }

    /// Takes a field of protobuf, unless it is empty.
    fn put_field(&mut self, tag: u8, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.put_len(tag, bytes.len());
            self.put(bytes);
        }
    }
}

/// The wire type of a field that has a length.
const LEN: u8 = 2;

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_string(&mut self, text: &[u8]) {
        encode_string(self, text);
    }

    fn put_data(&mut self, data: Data, payload: &[u8]) {
        data.encode(self, payload);
    }
}

/// Counts bytes.
#[derive(Default)]
pub(super) struct Counter(usize);

impl Counter {
    /// How many bytes this puts.
    pub(super) fn of(put: impl FnOnce(&mut Self)) -> usize {
        let mut counter = Self::default();
        put(&mut counter);
        counter.0
    }
}

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn put_string(&mut self, text: &[u8]) {
        self.0 += string_len(text);
    }

    fn put_data(&mut self, data: Data, payload: &[u8]) {
        self.0 += data.value_len(payload);
    }
}
