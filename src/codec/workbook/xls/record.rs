//! BIFF records: a number, the length of the body, the body. All numbers are little-endian.

/// The longest body of a record, in bytes. Longer ones continue in [`CONTINUE`] records.
pub(super) const BODY_BYTES_MAX: usize = 8_224;
/// Bytes of the number and the length before a body.
pub(super) const HEAD_BYTES: usize = 4;

pub(super) const EOF: u16 = 0x000A;
pub(super) const NAME: u16 = 0x0018;
pub(super) const EXTERNSHEET: u16 = 0x0017;
pub(super) const SELECTION: u16 = 0x001D;
pub(super) const DATEMODE: u16 = 0x0022;
pub(super) const FONT: u16 = 0x0031;
pub(super) const CONTINUE: u16 = 0x003C;
pub(super) const WINDOW1: u16 = 0x003D;
pub(super) const PANE: u16 = 0x0041;
pub(super) const CODEPAGE: u16 = 0x0042;
pub(super) const DEFCOLWIDTH: u16 = 0x0055;
pub(super) const COLINFO: u16 = 0x007D;
pub(super) const GUTS: u16 = 0x0080;
pub(super) const WSBOOL: u16 = 0x0081;
pub(super) const BOUNDSHEET: u16 = 0x0085;
pub(super) const AUTOFILTERINFO: u16 = 0x009D;
pub(super) const DBCELL: u16 = 0x00D7;
pub(super) const XF: u16 = 0x00E0;
pub(super) const SST: u16 = 0x00FC;
pub(super) const LABELSST: u16 = 0x00FD;
pub(super) const EXTSST: u16 = 0x00FF;
pub(super) const SUPBOOK: u16 = 0x01AE;
pub(super) const DIMENSIONS: u16 = 0x0200;
pub(super) const BLANK: u16 = 0x0201;
pub(super) const NUMBER: u16 = 0x0203;
pub(super) const BOOLERR: u16 = 0x0205;
pub(super) const ROW: u16 = 0x0208;
pub(super) const INDEX: u16 = 0x020B;
pub(super) const DEFAULTROWHEIGHT: u16 = 0x0225;
pub(super) const WINDOW2: u16 = 0x023E;
pub(super) const RK: u16 = 0x027E;
pub(super) const STYLE: u16 = 0x0293;
pub(super) const FORMAT: u16 = 0x041E;
pub(super) const BOF: u16 = 0x0809;

/// The kind of a substream, from its BOF record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Substream {
    Globals = 0x0005,
    Sheet = 0x0010,
}

/// Builds records and their bodies.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordBuilder(pub(super) Vec<u8>);

impl RecordBuilder {
    pub(super) fn u8(mut self, number: u8) -> Self {
        self.0.push(number);
        self
    }

    pub(super) fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds the characters of a text in UTF-16, after the byte that marks UTF-16. The caller adds their
    /// number before.
    pub(super) fn characters(self, text: &str) -> Self {
        let this = self.u8(1);
        text.encode_utf16().fold(this, Self::u16)
    }

    /// Adds a whole record.
    pub(super) fn record(self, number: u16, body: Self) -> Self {
        self.u16(number).u16(body.0.len() as u16).bytes(&body.0)
    }

    /// Adds the record that begins a substream.
    pub(super) fn begin(self, substream: Substream) -> Self {
        /// BIFF8.
        const VERSION: u16 = 0x0600;
        /// Build and year of Excel 97: later versions open such a file without a warning.
        const BUILD: u16 = 0x0DBB;
        const YEAR: u16 = 0x07CC;
        let body = Self::default().u16(VERSION).u16(substream as u16).u16(BUILD).u16(YEAR);
        self.record(BOF, body.u32(0x0000_0041).u32(0x0000_0006))
    }

    /// Adds the record that ends a substream.
    pub(super) fn end(self) -> Self {
        self.record(EOF, Self::default())
    }
}
