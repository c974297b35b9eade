//! Numbers of 30 bits, which `.xls` and `.xlsb` have (MS-XLS 2.5.217, MS-XLSB 2.5.122).

/// Returns the number. Two flags say whether it is an integer, and whether it is divided by 100.
pub(super) fn rk_number(rk: u32) -> f64 {
    /// The flag that the number is divided by 100.
    const HUNDREDTHS: u32 = 1;
    /// The flag that the number is an integer. Otherwise it is the first half of a float.
    const INTEGER: u32 = 2;
    let number = if rk & INTEGER != 0 {
        f64::from(rk.cast_signed() >> 2)
    } else {
        f64::from_bits(u64::from(rk & !3) << 32)
    };
    if rk & HUNDREDTHS != 0 { number / 100.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_integer_or_half_a_float_and_can_be_divided() {
        assert_eq!(rk_number((42 << 2) | 2), 42.0);
        assert_eq!(rk_number((4_200 << 2) | 3), 42.0);
        assert_eq!(rk_number(((-7_i32).cast_unsigned() << 2) | 2), -7.0);
        assert_eq!(rk_number((42_f64.to_bits() >> 32) as u32), 42.0);
    }
}
