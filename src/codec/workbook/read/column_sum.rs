//! Formulas that compute one value from the cells above them, as at the end of a table.

/// The functions of such formulas. Every format stores the English names.
const FUNCTIONS: [&str; 9] =
    ["AGGREGATE", "AVERAGE", "COUNT", "COUNTA", "COUNTBLANK", "MAX", "MIN", "SUBTOTAL", "SUM"];

/// Returns whether a formula in this row, from 0, computes a value from several cells of one column
/// above: `SUM(C2:C41)`, or `of:=COUNTA([.A5:.A44])` in OpenDocument.
pub(super) fn sums_column(formula: &str, row: u32) -> bool {
    let formula = formula.trim_start_matches("of:").trim_start_matches(['=', '+']);
    let Some((function, arguments)) = formula.split_once('(') else { return false };
    let is_known = FUNCTIONS.iter().any(|known| function.trim().eq_ignore_ascii_case(known));
    is_known
        && arguments.split([',', ';', '(', ')']).any(|argument| {
            let argument: String = argument.chars().filter(|c| !"[].$ ".contains(*c)).collect();
            is_above(&argument, row)
        })
}

/// Returns whether a range such as `C2:C41` has several cells of one column above a row, from 0.
fn is_above(range: &str, row: u32) -> bool {
    let cells = || {
        let (first, last) = range.split_once(':')?;
        Some((cell(first)?, cell(last)?))
    };
    cells().is_some_and(|((column, first), (last_column, last))| {
        column.eq_ignore_ascii_case(last_column) && first < last && last <= row
    })
}

/// Returns the column and the row, from 1, of an address.
fn cell(address: &str) -> Option<(&str, u32)> {
    let digits = address.find(|c: char| c.is_ascii_digit())?;
    let (column, row) = address.split_at(digits);
    let is_column = !column.is_empty() && column.bytes().all(|byte| byte.is_ascii_alphabetic());
    Some((column, row.parse().ok()?)).filter(|_| is_column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_a_function_of_several_cells_of_a_column_above() {
        for formula in [
            "SUM(C2:C41)",
            "=SUM(C2:C41)",
            "of:=SUM([.C2:.C41])",
            "COUNTA($A$5:$A$41)",
            "SUBTOTAL(9,C2:C41)",
            "of:=SUBTOTAL(9;[.C2:.C41])",
            "sum( C2 : C41 )",
        ] {
            assert!(sums_column(formula, 41), "{formula}");
        }
        for formula in [
            "SUM(C2:F2)",
            "SUM(C2:C43)",
            "SUM(C2:C2)",
            "SUM(C2:D41)",
            "VLOOKUP(A2,C2:C41,1)",
            "C41",
            "SUMME",
            "SUM(A:A)",
            "",
            "SUM(Tabelle1!C2:C41)",
            "SUM(",
            "COUNTIF(C2:C41,A1)",
        ] {
            assert!(!sums_column(formula, 41), "{formula}");
        }
    }
}
