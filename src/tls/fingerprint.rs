//! The fingerprint of a certificate.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

const SHA256_BYTES: usize = 32;

/// The SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; SHA256_BYTES]);

/// The text is not the SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a SHA-256 fingerprint of 64 hexadecimal digits, with or without colons")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(out, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let text = text.trim();
        let digits = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sha256:") => &text[7..],
            Some(_) | None => text,
        };
        let digits: String = digits.chars().filter(|c| *c != ':').collect();
        if digits.len() != 2 * SHA256_BYTES || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAFingerprint);
        }
        let mut bytes = [0; SHA256_BYTES];
        for (byte, at) in bytes.iter_mut().zip((0..digits.len()).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| NotAFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_back_in_every_form() {
        let fingerprint = Fingerprint::of(b"a certificate");
        let text = fingerprint.to_string();
        assert!(text.len() == 95 && text.matches(':').count() == 31, "{text}");
        let plain = text.replace(':', "").to_lowercase();
        for form in [text.clone(), plain.clone(), format!("SHA256:{plain}"), format!(" {text}\n")] {
            assert_eq!(form.parse(), Ok(fingerprint), "{form}");
        }
        for form in
            ["", "AB", "sha256:", &plain[1..], &format!("{plain}0"), &plain.replace('a', "é")]
        {
            assert_eq!(form.parse::<Fingerprint>(), Err(NotAFingerprint), "{form}");
        }
    }
}
