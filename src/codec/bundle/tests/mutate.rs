//! Property tests with randomly damaged bundles: reading returns the original content or an error.

use proptest::prelude::*;

use super::{
    raw::{RawEntry, archive, metadata},
    *,
};

/// One change of an archive. Places are taken modulo its length.
#[derive(Clone, Debug)]
enum Damage {
    Set {
        at: usize,
        byte: u8,
    },
    Flip {
        at: usize,
        bit: u8,
    },
    /// An unusual number, such as 0 or the maximum, with this length in bytes.
    Number {
        at: usize,
        number: u64,
        bytes: usize,
    },
    Cut {
        at: usize,
    },
    Remove {
        at: usize,
        bytes: usize,
    },
    Repeat {
        at: usize,
        bytes: usize,
    },
    Swap {
        at: usize,
        to: usize,
        bytes: usize,
    },
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0..100_000_usize;
    let bytes = 1..200_usize;
    let numbers = prop_oneof![
        Just(0),
        Just(1),
        Just(0xffff),
        Just(0x7fff_ffff),
        Just(0xffff_ffff),
        Just(1 << 63),
        Just(u64::MAX),
        Just(0x0605_4b50),
        Just(0x0706_4b50),
        any::<u64>(),
    ];
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Set { at, byte }),
        (at.clone(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (at.clone(), numbers, prop_oneof![Just(2_usize), Just(4), Just(8)])
            .prop_map(|(at, number, bytes)| Damage::Number { at, number, bytes }),
        at.clone().prop_map(|at| Damage::Cut { at }),
        (at.clone(), bytes.clone()).prop_map(|(at, bytes)| Damage::Remove { at, bytes }),
        (at.clone(), bytes.clone()).prop_map(|(at, bytes)| Damage::Repeat { at, bytes }),
        (at.clone(), at, bytes).prop_map(|(at, to, bytes)| Damage::Swap { at, to, bytes }),
    ]
}

impl Damage {
    fn apply(&self, archive: &mut Vec<u8>) {
        if archive.is_empty() {
            return;
        }
        let length = archive.len();
        let stretch = |at: usize, bytes: usize| at % length..(at % length + bytes).min(length);
        match *self {
            Damage::Set { at, byte } => archive[at % length] = byte,
            Damage::Flip { at, bit } => archive[at % length] ^= 1 << bit,
            Damage::Number { at, number, bytes } => {
                let range = stretch(at, bytes);
                let number = number.to_le_bytes();
                archive[range.clone()].copy_from_slice(&number[..range.len()]);
            }
            Damage::Cut { at } => archive.truncate(at % length),
            Damage::Remove { at, bytes } => {
                archive.drain(stretch(at, bytes));
            }
            Damage::Repeat { at, bytes } => {
                let again = archive[stretch(at, bytes)].to_vec();
                archive.splice(at % length..at % length, again);
            }
            Damage::Swap { at, to, bytes } => {
                let from = archive[stretch(at, bytes)].to_vec();
                let range = stretch(to, from.len());
                archive[range.clone()].copy_from_slice(&from[..range.len()]);
            }
        }
    }
}

fn texts() -> [(Kind, Vec<u8>); 3] {
    [
        (Kind::User, b"- {name: admin}\n".to_vec()),
        (Kind::Device, b"- {name: \"device\", port: !!int \"22\"}\n".repeat(20)),
        (Kind::Pool, b"[]\n".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Satchel's own bundle. Its checksums detect every changed document. They do not cover the
    /// metadata itself, such as the number of records.
    #[test]
    fn a_damaged_bundle_is_refused_or_reads_equal(
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let texts = texts();
        let documents: Vec<_> = texts.iter().map(|(kind, text)| (*kind, text.as_slice())).collect();
        let mut archive = bundle(&documents);
        damages.iter().for_each(|damage| damage.apply(&mut archive));
        if let Ok(read) = read_all(archive) {
            prop_assert_eq!(read, texts);
        }
    }

    /// A plain archive has no checksum beside the CRC, so documents can differ or be missing. Reading
    /// must not panic.
    #[test]
    fn a_damaged_enms_archive_never_panics(damages in prop::collection::vec(damage(), 1..6)) {
        let mut entries = vec![metadata()];
        for (kind, text) in texts() {
            entries.push(RawEntry::deflated(&document_name(kind), &text));
        }
        let mut archive = archive(&entries);
        damages.iter().for_each(|damage| damage.apply(&mut archive));
        let _ = read_all(archive);
    }

    /// Random bytes followed by a valid end-of-archive record.
    #[test]
    fn random_bytes_never_panic(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        entries in 0..70_u16,
        directory in 0..300_u32,
    ) {
        use super::raw::{RawEnd, archive_ending};
        let end = RawEnd {
            entries: Some(entries),
            directory: Some(directory),
            directory_bytes: Some((noise.len() as u32).saturating_sub(directory)),
            ..RawEnd::default()
        };
        let _ = read_all([noise, archive_ending(&[], &end)].concat());
    }
}
