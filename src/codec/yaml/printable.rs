//! Measures how far a text is printable ASCII without quotes and backslashes. Such text is the same
//! inside of double quotes, so reading and writing spend most of their time here.

/// Returns the number of bytes before the first one that is a quote, a backslash or not printable
/// ASCII. Tests eight bytes at a time.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for chunk in bytes.chunks_exact(8) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        let found = special_bytes(u64::from_le_bytes(eight));
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let tail = bytes[length..].iter();
    length + tail.take_while(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(byte)).count()
}

/// Returns the high bit of each byte that is a quote, a backslash, a control character or not
/// ASCII. Bytes above the first such byte can be marked wrongly.
fn special_bytes(eight: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bound: u8| word.wrapping_sub(LOW * u64::from(bound)) & !word & HIGH;
    let equal = |byte: u8| below(eight ^ (LOW * u64::from(byte)), 1);
    (eight & HIGH) | below(eight, b' ') | equal(b'"') | equal(b'\\') | equal(0x7f)
}
