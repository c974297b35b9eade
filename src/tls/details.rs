//! The facts of a certificate that rustls does not give: its end, and the name of its subject.
//!
//! A certificate is a tree of tags, lengths and values in DER (X.690); RFC 5280, section 4.1, has its
//! structure. Every read is checked, and anything else than the expected structure gives `None`.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which is left out in version 1.
const VERSION: u8 = 0xa0;
/// The types of texts that are read: UTF8String, PrintableString, IA5String.
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];

/// The object identifier of a common name: 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// Facts of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDetails {
    /// The time until which it is valid.
    pub not_after: OffsetDateTime,
    /// The common name of its subject. `None` if it has none, or several.
    pub common_name: Option<String>,
}

impl CertificateDetails {
    /// Reads a certificate in DER. `None` if it has another structure.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut outer = Reader(certificate).expect(SEQUENCE)?;
        let mut fields = outer.expect(SEQUENCE)?;
        if fields.0.first() == Some(&VERSION) {
            fields.next()?;
        }
        let (_serial_number, _algorithm, _issuer) =
            (fields.next()?, fields.next()?, fields.next()?);
        let mut validity = fields.expect(SEQUENCE)?;
        let (_not_before, not_after) = (validity.next()?, validity.next()?);
        let subject = fields.expect(SEQUENCE)?;
        Some(Self { not_after: read_time(not_after)?, common_name: common_name(subject) })
    }
}

/// The common name in a subject: a sequence of sets of pairs.
fn common_name(mut subject: Reader<'_>) -> Option<String> {
    let mut names = Vec::new();
    while !subject.0.is_empty() {
        let mut set = subject.expect(SET)?;
        while !set.0.is_empty() {
            let mut pair = set.expect(SEQUENCE)?;
            let identifier = pair.expect(OBJECT_IDENTIFIER)?;
            let (tag, value) = pair.next()?;
            if identifier.0 == COMMON_NAME {
                names.push(TEXTS.contains(&tag).then(|| String::from_utf8(value.to_vec()).ok())??);
            }
        }
    }
    match names.len() {
        1 => names.pop(),
        _ => None,
    }
}

/// Reads `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn read_time((tag, text): (u8, &[u8])) -> Option<OffsetDateTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let year: i32 = text.get(..2)?.parse().ok()?;
            // RFC 5280, section 4.1.2.5.1.
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        GENERALIZED_TIME => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| rest.get(at..at + 2)?.parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

/// The rest of a value that contains others.
#[derive(Clone, Copy)]
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    /// The tag and the value of the next element.
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // A length of one to three bytes: no certificate has 16 MB.
            0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Option<Reader<'d>> {
        let (found, value) = self.next()?;
        (found == tag).then_some(Reader(value))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
    use time::macros::datetime;

    use super::*;

    fn certificate(names: &[&str], year: i32) -> Vec<u8> {
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, "Réseau, Inc.");
        for name in names {
            subject.push(DnType::CommonName, *name);
        }
        params.distinguished_name = subject;
        params.not_after = date_time_ymd(year, 2, 28);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_and_the_common_name_are_read() {
        for (year, expected) in
            [(2031, datetime!(2031-02-28 0:00 UTC)), (2131, datetime!(2131-02-28 0:00 UTC))]
        {
            let details = CertificateDetails::of(&certificate(&["é>b"], year)).unwrap();
            assert_eq!(details.not_after, expected);
            assert_eq!(details.common_name.as_deref(), Some("é>b"));
        }
        assert_eq!(CertificateDetails::of(&certificate(&[], 2031)).unwrap().common_name, None);
    }

    #[test]
    fn damaged_certificates_give_nothing_or_other_facts_but_no_panic() {
        let whole = certificate(&["é>b"], 2031);
        for length in 0..whole.len() {
            assert_eq!(CertificateDetails::of(&whole[..length]), None);
        }
        for at in 0..whole.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = CertificateDetails::of(&damaged);
            }
        }
    }
}
