//! Unit tests of numbers, headers, pages and ranges.

use super::super::{
    SEGMENT_BYTES,
    message::{Message, sized, varint},
    node::{Node, parse_trees},
    segment::{HEADER_BYTES, SlotHeader},
    table::SledSnapshot,
};
use super::Dice;

#[test]
fn numbers_are_read() {
    let read = |mut bytes: &[u8]| varint(&mut bytes).map(|number| (number, bytes.len()));
    assert_eq!(read(&[0]), Some((0, 0)));
    assert_eq!(read(&[240, 9]), Some((240, 1)));
    assert_eq!(read(&[241, 0]), Some((240, 0)));
    assert_eq!(read(&[248, 255]), Some((2287, 0)));
    assert_eq!(read(&[249, 0, 0]), Some((2288, 0)));
    assert_eq!(read(&[249, 255, 255]), Some((67_823, 0)));
    assert_eq!(read(&[250, 1, 2, 3]), Some((0x03_0201, 0)));
    assert_eq!(read(&[255; 9]), Some((u64::MAX, 0)));
    for cut in [&[][..], &[241], &[249, 1], &[250, 1, 2], &[255, 1, 2, 3, 4, 5, 6, 7]] {
        assert_eq!(read(cut), None);
    }
    let mut short: &[u8] = &[5, 1, 2];
    assert_eq!(sized(&mut short), None);
}

#[test]
fn headers_are_read() {
    assert_eq!(SlotHeader::read(&[0; HEADER_BYTES]), SlotHeader::Zero);
    assert_eq!(SlotHeader::read(&[7; HEADER_BYTES]), SlotHeader::Damaged);
}

#[test]
fn malformed_pages_and_snapshots_are_refused() {
    let mut dice = Dice(5);
    for _ in 0..20_000 {
        let length = dice.below(60);
        let mut bytes: Vec<u8> =
            (0..length).map(|_| u8::try_from(dice.below(256) >> dice.below(8)).unwrap()).collect();
        if let Some(mut node) = Node::parse(&bytes) {
            node.apply(&bytes);
            assert!(node.entries().all(|(key, _)| key >= node.low));
        }
        parse_trees(&bytes);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        SledSnapshot::parse(&bytes);
    }
}

/// A segment with one message of every length, of page 7 in segment 3.
fn segment(bodies: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let mut segment = vec![0; HEADER_BYTES];
    let mut places = Vec::new();
    for body in bodies {
        places.push(segment.len());
        let length = body.len() - 240;
        let mut header = vec![8, u8::try_from(241 + length / 256).unwrap()];
        header.extend([u8::try_from(length % 256).unwrap(), 3, 7]);
        let checksum = crc32fast::hash(&[body, header.as_slice()].concat()) ^ u32::MAX;
        segment.extend(checksum.to_le_bytes());
        segment.extend(header);
        segment.extend(body);
    }
    segment.resize(SEGMENT_BYTES, 0);
    (segment, places)
}

#[test]
fn a_single_damaged_byte_is_found() {
    let mut dice = Dice(6);
    let body = |dice: &mut Dice| -> Vec<u8> {
        (0..300 + dice.below(1500)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect()
    };
    let bodies: Vec<_> = (0..3).map(|_| body(&mut dice)).collect();
    let (good, places) = segment(&bodies);
    let whole = Message::read(&good, places[1], 3).unwrap();
    assert_eq!(whole.end, places[2]);
    for byte in places[1]..places[2] {
        let mut bad = good.clone();
        bad[byte] ^= u8::try_from(1 + dice.below(255)).unwrap();
        assert_eq!(Message::read(&bad, places[1], 3), None);
        let found = Message::repair(&bad, places[1], 3, places[2]).expect("one byte is damaged");
        assert_eq!((found.message, found.byte), (whole, byte));
        bad[byte] ^= found.flipped;
        assert_eq!(bad, good);
        // Two damaged bytes are not mistaken for one.
        let other = places[1] + dice.index(whole.end - places[1]);
        if other != byte {
            bad[byte] ^= 1;
            bad[other] ^= 1;
            assert_eq!(Message::repair(&bad, places[1], 3, places[2]), None);
        }
    }
}
