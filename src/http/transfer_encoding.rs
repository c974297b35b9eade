//! The `Content-Transfer-Encoding` of a part of a form (RFC 2045, section 6).
//!
//! RFC 7578 deprecates it for forms, because HTTP carries any bytes. Clients that build forms with a
//! library for mail still send it: Ansible's `uri` module sends each file in base64.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Base64 whose padding can be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest run of blanks in quoted-printable that is kept to find out whether it ends a line, in
/// bytes. A line has at most 76 (RFC 2045, section 6.7).
const BLANKS_BYTES_MAX: usize = 1024;

/// Data that does not follow its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TransferError {
    #[error("is not valid base64")]
    Base64,
    #[error("is not valid quoted-printable")]
    QuotedPrintable,
}

/// Decodes the data of a part, chunk by chunk.
#[derive(Debug)]
pub(super) enum TransferDecoder {
    /// The data is as it is: `7bit`, `8bit` or `binary`.
    Identity,
    Base64 {
        /// Characters of a group of four that is not complete.
        group: Vec<u8>,
        has_ended: bool,
    },
    QuotedPrintable {
        state: QuotedState,
        /// Blanks that are dropped if a line ends after them.
        blanks: Vec<u8>,
    },
}

/// The position in quoted-printable data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuotedState {
    Text,
    /// After `=`.
    Equals,
    /// After `=` and a hexadecimal digit.
    Digit(u8),
    /// After `=` and blanks: a line end must follow.
    EqualsBlank,
    /// After `=` and CR.
    EqualsCr,
}

impl TransferDecoder {
    /// The decoder of an encoding, in upper or lower case. `None` if the encoding is unknown.
    pub(super) fn of(encoding: &[u8]) -> Option<Self> {
        match encoding.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"7bit" | b"8bit" | b"binary" => Some(Self::Identity),
            b"base64" => Some(Self::Base64 { group: Vec::new(), has_ended: false }),
            b"quoted-printable" => {
                Some(Self::QuotedPrintable { state: QuotedState::Text, blanks: Vec::new() })
            }
            _ => None,
        }
    }

    /// Decodes the next chunk. The result can be empty before the end.
    ///
    /// # Errors
    /// [`TransferError`] if the data does not follow the encoding.
    pub(super) fn decode(&mut self, chunk: &[u8]) -> Result<Vec<u8>, TransferError> {
        match self {
            Self::Identity => Ok(chunk.to_vec()),
            Self::Base64 { group, has_ended } => {
                group.extend(chunk.iter().filter(|byte| !byte.is_ascii_whitespace()));
                if group.is_empty() {
                    return Ok(Vec::new());
                }
                if *has_ended {
                    return Err(TransferError::Base64);
                }
                let rest = group.split_off(group.len() / 4 * 4);
                let whole = std::mem::replace(group, rest);
                *has_ended = whole.ends_with(b"=");
                BASE64.decode(whole).map_err(|_| TransferError::Base64)
            }
            Self::QuotedPrintable { state, blanks } => {
                let mut decoded = Vec::with_capacity(chunk.len());
                for byte in chunk {
                    *state = quoted(*state, *byte, blanks, &mut decoded)?;
                }
                Ok(decoded)
            }
        }
    }

    /// Decodes the rest after the last chunk.
    ///
    /// # Errors
    /// [`TransferError`] if the data ends within a character.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, TransferError> {
        match self {
            Self::Identity => Ok(Vec::new()),
            Self::Base64 { group, has_ended } => {
                let rest = std::mem::take(group);
                if *has_ended && !rest.is_empty() {
                    return Err(TransferError::Base64);
                }
                BASE64.decode(rest).map_err(|_| TransferError::Base64)
            }
            Self::QuotedPrintable { state, blanks } => {
                blanks.clear();
                match state {
                    QuotedState::Text
                    | QuotedState::Equals
                    | QuotedState::EqualsBlank
                    | QuotedState::EqualsCr => Ok(Vec::new()),
                    QuotedState::Digit(_) => Err(TransferError::QuotedPrintable),
                }
            }
        }
    }
}

/// Decodes the next byte of quoted-printable data.
fn quoted(
    state: QuotedState,
    byte: u8,
    blanks: &mut Vec<u8>,
    decoded: &mut Vec<u8>,
) -> Result<QuotedState, TransferError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    Ok(match (state, byte) {
        (QuotedState::Text, b' ' | b'\t') if blanks.len() < BLANKS_BYTES_MAX => {
            blanks.push(byte);
            QuotedState::Text
        }
        (QuotedState::Text, b'\r' | b'\n') => {
            blanks.clear();
            decoded.push(byte);
            QuotedState::Text
        }
        (QuotedState::Text, byte) => {
            decoded.append(blanks);
            if byte == b'=' {
                QuotedState::Equals
            } else {
                decoded.push(byte);
                QuotedState::Text
            }
        }
        (QuotedState::Digit(high), byte) => {
            let low = digit(byte).ok_or(TransferError::QuotedPrintable)?;
            decoded.push(16 * high + low);
            QuotedState::Text
        }
        // An `=` at the end of a line joins it with the next one.
        (QuotedState::Equals | QuotedState::EqualsBlank | QuotedState::EqualsCr, b'\n') => {
            QuotedState::Text
        }
        (QuotedState::Equals | QuotedState::EqualsBlank, b'\r') => QuotedState::EqualsCr,
        (QuotedState::Equals | QuotedState::EqualsBlank, b' ' | b'\t') => QuotedState::EqualsBlank,
        (QuotedState::Equals, byte) => {
            QuotedState::Digit(digit(byte).ok_or(TransferError::QuotedPrintable)?)
        }
        (QuotedState::EqualsBlank | QuotedState::EqualsCr, _) => {
            return Err(TransferError::QuotedPrintable);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes data in chunks of every size.
    fn decode(encoding: &str, data: &[u8]) -> Result<Vec<u8>, TransferError> {
        let in_chunks = |size: usize| {
            let mut decoder = TransferDecoder::of(encoding.as_bytes()).unwrap();
            let mut decoded = Vec::new();
            for chunk in data.chunks(size) {
                decoded.extend(decoder.decode(chunk)?);
            }
            decoded.extend(decoder.finish()?);
            Ok(decoded)
        };
        let whole = in_chunks(data.len().max(1));
        for size in 1..data.len() {
            assert_eq!(in_chunks(size), whole, "{size}");
        }
        whole
    }

    #[test]
    fn base64_is_decoded_across_chunks_and_lines() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in [0, 1, 2, 3, 57, 58, 256] {
            let bytes = &bytes[..length];
            let text = BASE64.encode(bytes);
            let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
            let data = [lines.join(&b"\r\n"[..]), b"\r\n".to_vec()].concat();
            assert_eq!(decode("Base64", &data).unwrap(), bytes);
            assert_eq!(decode("base64", text.trim_end_matches('=').as_bytes()).unwrap(), bytes);
        }
        for data in ["Zg==Zg==", "Z", "Zg=a", "Z*==", "Zg==\r\nx"] {
            assert_eq!(decode("base64", data.as_bytes()), Err(TransferError::Base64), "{data}");
        }
    }

    #[test]
    fn quoted_printable_is_decoded_across_chunks_and_lines() {
        for (data, expected) in [
            ("name,port\r\nZ=C3=BCrich,22\r\n", "name,port\r\nZürich,22\r\n"),
            ("a long =\r\nline= \t\r\n!", "a long line!"),
            ("a =\nb", "a b"),
            ("blanks at the end \t\r\nare dropped  ", "blanks at the end\r\nare dropped"),
            ("a=20=\r\n", "a "),
            ("=3d", "="),
            ("", ""),
        ] {
            let decoded = decode("quoted-printable", data.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(decoded).unwrap(), expected, "{data:?}");
        }
        for data in ["=G1", "=4", "=4G", "= x", "=\rx"] {
            let refused = Err(TransferError::QuotedPrintable);
            assert_eq!(decode("quoted-printable", data.as_bytes()), refused, "{data:?}");
        }
        let blanks = " ".repeat(5_000) + "x";
        assert_eq!(decode("quoted-printable", blanks.as_bytes()).unwrap(), blanks.as_bytes());
    }

    #[test]
    fn other_encodings_are_identity_or_unknown() {
        for encoding in ["7bit", "8BIT", " binary ", ""] {
            assert_eq!(decode(encoding, b"a=3d\0\xff").unwrap(), b"a=3d\0\xff");
        }
        assert!(TransferDecoder::of(b"x-uuencode").is_none());
    }
}
