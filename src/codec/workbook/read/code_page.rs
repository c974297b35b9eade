//! Code pages of DOS in workbooks before BIFF8 (Excel 5 and 95).
//!
//! calamine decodes texts by the code page of the workbook, with the encodings of the web. These do
//! not contain the code pages of DOS. Windows-1252 of the web gives each byte another character, so
//! a text that was read as windows-1252 has all its bytes. This module decodes them.
//!
//! The tables are those of the Unicode Consortium (`VENDORS/MICSFT/PC`).

use std::borrow::Cow;

/// The code page of Western Europe on Windows.
pub(super) const WINDOWS_1252: u16 = 1252;

/// The code page of the Macintosh that encodings of the web have.
const MACINTOSH: u16 = 10_000;

/// The first byte that is not ASCII.
const FIRST_BYTE: u8 = 0x80;

/// The characters of windows-1252 for the bytes from 0x80 to 0x9F. The other bytes are the numbers of
/// their characters (<https://encoding.spec.whatwg.org/index-windows-1252.txt>).
const WINDOWS_1252_SPECIAL: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// A code page of DOS that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DosCodePage {
    /// 437: the United States.
    UnitedStates,
    /// 850: Western Europe.
    WesternEurope,
    /// 852: Central Europe.
    CentralEurope,
    /// 858: Western Europe with the sign of the euro.
    WesternEuropeEuro,
}

impl DosCodePage {
    /// The code page with this number. `None` for other code pages.
    pub(super) fn of(number: u16) -> Option<Self> {
        match number {
            437 => Some(Self::UnitedStates),
            850 => Some(Self::WesternEurope),
            852 => Some(Self::CentralEurope),
            858 => Some(Self::WesternEuropeEuro),
            _ => None,
        }
    }

    /// The characters for the bytes from 0x80.
    fn characters(self) -> &'static str {
        match self {
            Self::UnitedStates => {
                "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
                 αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}"
            }
            Self::WesternEurope => {
                "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
                 ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}"
            }
            Self::CentralEurope => {
                "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀\
                 ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}"
            }
            Self::WesternEuropeEuro => {
                "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀\
                 ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}"
            }
        }
    }

    /// Decodes a text that was read as windows-1252.
    pub(super) fn decode(self, text: &str) -> Cow<'_, str> {
        if text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let decode = |character: char| match byte_of(character) {
            Some(byte @ FIRST_BYTE..) => {
                self.characters().chars().nth(usize::from(byte - FIRST_BYTE)).unwrap_or(character)
            }
            Some(_) | None => character,
        };
        Cow::Owned(text.chars().map(decode).collect())
    }
}

/// Returns the byte of a character in windows-1252.
fn byte_of(character: char) -> Option<u8> {
    match WINDOWS_1252_SPECIAL.chars().position(|special| special == character) {
        Some(at) => Some(FIRST_BYTE + at as u8),
        None => u8::try_from(u32::from(character)).ok(),
    }
}

/// Returns the number by which encodings of the web have a code page. `None` for the same number.
pub(super) fn number_of_the_web(number: u16) -> Option<u16> {
    match number {
        // ASCII, "none", and windows-1252 in files of BIFF 2 and 3 (MS-XLS 2.4.52).
        0 | 367 | 0x8001 => Some(WINDOWS_1252),
        0x8000 => Some(MACINTOSH),
        dos if DosCodePage::of(dos).is_some() => Some(WINDOWS_1252),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_code_page_has_a_character() {
        let windows: String = (0..=255)
            .map(char::from)
            .map(|latin_1| match latin_1 as u32 {
                byte @ 0x80..=0x9F => {
                    WINDOWS_1252_SPECIAL.chars().nth(byte as usize - 0x80).unwrap()
                }
                _ => latin_1,
            })
            .collect();
        for (number, sample, expected) in [
            (437, "Z\u{81}rich \u{e1}", "Zürich ß"),
            (850, "\u{9d} \u{c6}", "Ø ã"),
            (852, "\u{9d}\u{a2}d\u{ab}", "Łódź"),
            (858, "\u{d5}", "€"),
        ] {
            let code_page = DosCodePage::of(number).unwrap();
            assert_eq!(code_page.characters().chars().count(), 128, "{number}");
            let decoded = code_page.decode(&windows);
            assert_eq!(decoded.chars().count(), 256, "{number}");
            assert!(decoded.chars().take(128).eq((0..128_u8).map(char::from)));
            assert_eq!(code_page.decode(sample), expected, "{number}");
            assert_eq!(code_page.decode("name"), "name");
        }
        assert_eq!(DosCodePage::of(1250), None);
        assert_eq!((number_of_the_web(0x8000), number_of_the_web(1250)), (Some(10_000), None));
    }
}
