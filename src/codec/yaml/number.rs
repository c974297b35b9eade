//! Whole numbers and floats, parsed and written as PyYAML does by YAML 1.1.

use super::INT_DIGITS_MAX;
use crate::model::{Value, python};

/// Returns whether a plain text is an integer to PyYAML's resolver: `-12`, `1_000`, `017`, `0x1F`,
/// `0b11`, `1:30:00`.
pub(super) fn looks_like_int(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return !binary.is_empty() && binary.bytes().all(|b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return !hexadecimal.is_empty()
            && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return octal.bytes().all(|b| matches!(b, b'0'..=b'7' | b'_'));
    }
    let (first, sixtieths) = split_sixtieths(digits);
    first.starts_with(|c: char| c.is_ascii_digit())
        && is_digits(first)
        && sixtieths.is_none_or(are_sixtieths)
}

/// Returns whether a plain text is a float to PyYAML's resolver: `1.5`, `.5`, `1.0e+3`, `1:30.5`,
/// `-.inf`, `.nan`; an exponent needs its sign, and the number its point.
pub(super) fn looks_like_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, rest)) = digits.split_once('.') else { return false };
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent
            .strip_prefix(['-', '+'])
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    });
    if !exponent_fits || !is_digits(fraction) {
        return false;
    }
    if whole.is_empty() {
        return digits.len() == text.len() && fraction.starts_with(|c: char| c.is_ascii_digit());
    }
    let (first, sixtieths) = split_sixtieths(whole);
    first.starts_with(|c: char| c.is_ascii_digit())
        && is_digits(first)
        && sixtieths.is_none_or(|parts| exponent.is_none() && are_sixtieths(parts))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

fn split_sixtieths(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    }
}

/// `[0-5]?[0-9]`, with colons between.
fn are_sixtieths(parts: &str) -> bool {
    let fits = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    parts.split(':').all(fits)
}

/// An integer as PyYAML constructs it; `None` where Python would raise an error, or where it
/// has more than [`INT_DIGITS_MAX`] digits.
pub(super) fn parse_int(text: &str) -> Option<Value> {
    // Nearly all of them: a decimal number that cannot be mistaken for an octal one.
    if text.starts_with(|c| matches!(c, '1'..='9'))
        && let Ok(value) = text.parse()
    {
        return Some(Value::Int(value));
    }
    let digits = text.replace('_', "");
    let digits = digits.trim_matches(|c: char| c.is_ascii_whitespace());
    let (negative, digits) = match digits.strip_prefix(['-', '+']) {
        Some(rest) => (digits.starts_with('-'), rest),
        None => (false, digits),
    };
    if let Some(binary) = digits.strip_prefix("0b") {
        from_digits(negative, binary.bytes(), 2)
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        from_digits(negative, hexadecimal.bytes(), 16)
    } else if digits != "0" && digits.starts_with('0') {
        from_digits(negative, digits.bytes(), 8)
    } else if let (first, Some(rest)) = split_sixtieths(digits) {
        let mut number = Decimal::of_digits(first.bytes(), 10)?;
        for part in rest.split(':') {
            number.multiply_add(60, part.parse().ok()?)?;
        }
        Some(number.into_value(negative))
    } else {
        from_digits(negative, digits.bytes(), 10)
    }
}

fn from_digits(negative: bool, digits: impl Iterator<Item = u8>, base: u32) -> Option<Value> {
    Some(Decimal::of_digits(digits, base)?.into_value(negative))
}

/// An integer of any size: `u64` as long as it fits, then groups of nine decimal digits.
#[derive(Default)]
struct Decimal {
    small: u64,
    /// The lowest group first; empty as long as `small` holds the number.
    groups: Vec<u32>,
}

const GROUP: u64 = 1_000_000_000;
const GROUP_DIGITS: usize = 9;

impl Decimal {
    /// Returns the number; `None` if there is no digit, an invalid digit, or more than the maximum.
    fn of_digits(digits: impl Iterator<Item = u8>, base: u32) -> Option<Self> {
        let mut digits = digits.peekable();
        digits.peek()?;
        let mut number = Self::default();
        for digit in digits {
            number.multiply_add(base, char::from(digit).to_digit(base)?)?;
        }
        Some(number)
    }

    /// `None` if the number grows beyond [`INT_DIGITS_MAX`].
    fn multiply_add(&mut self, factor: u32, summand: u32) -> Option<()> {
        if self.groups.is_empty() {
            let next = self.small.checked_mul(factor.into());
            if let Some(next) = next.and_then(|next| next.checked_add(summand.into())) {
                self.small = next;
                return Some(());
            }
            let mut rest = self.small;
            while rest > 0 {
                self.groups.push((rest % GROUP) as u32);
                rest /= GROUP;
            }
        }
        let mut carry = u64::from(summand);
        for group in &mut self.groups {
            let sum = u64::from(*group) * u64::from(factor) + carry;
            *group = (sum % GROUP) as u32;
            carry = sum / GROUP;
        }
        if carry > 0 {
            self.groups.push(carry as u32);
        }
        (self.groups.len() <= INT_DIGITS_MAX / GROUP_DIGITS + 1).then_some(())
    }

    fn into_value(self, negative: bool) -> Value {
        let Some((highest, lower)) = self.groups.split_last() else {
            let number = if negative { -i128::from(self.small) } else { self.small.into() };
            return i64::try_from(number)
                .map_or_else(|_| Value::BigInt(number.to_string()), Value::Int);
        };
        let sign = if negative { "-" } else { "" };
        let mut text = format!("{sign}{highest}");
        for group in lower.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        Value::BigInt(text)
    }
}

/// A float as PyYAML constructs it; `None` where Python would raise an error.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { -1.0 } else { 1.0 }, rest),
        None => (1.0, text),
    };
    match digits {
        ".inf" => return Some(sign * f64::INFINITY),
        ".nan" => return Some(f64::NAN),
        _ => {}
    }
    if digits.contains(':') {
        let (mut value, mut base) = (0.0, 1.0);
        for part in digits.split(':').rev() {
            value += part.parse::<f64>().ok()? * base;
            base *= 60.0;
        }
        return Some(sign * value);
    }
    let value: f64 = digits.parse().ok()?;
    Some(if value.is_nan() { f64::NAN } else { sign * value })
}

/// A float as PyYAML writes it: Python's `repr`, but `.inf`, `-.inf` and `.nan`, and `1.0e+16`
/// where Python leaves the point out.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = python::float_repr(value);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::float_text;

    #[test]
    fn a_float_is_pythons_repr_with_a_point() {
        for (value, text) in [
            (-0.0, "-0.0"),
            (123_456.789, "123456.789"),
            (1e16, "1.0e+16"),
            (1.5e16, "1.5e+16"),
            (1.25e100, "1.25e+100"),
            (0.00001, "1.0e-05"),
            (5e-324, "5.0e-324"),
            (f64::INFINITY, ".inf"),
            (f64::NEG_INFINITY, "-.inf"),
            (f64::NAN, ".nan"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }
}
