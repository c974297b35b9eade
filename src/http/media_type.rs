//! Media types in the headers `Content-Type` and `Accept`.

/// Returns the media type without its parameters, in lower case: `text/csv` for
/// `Text/CSV; charset=utf-8`.
pub(super) fn media_type(value: &[u8]) -> Vec<u8> {
    let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
    value[..end].trim_ascii().to_ascii_lowercase()
}
