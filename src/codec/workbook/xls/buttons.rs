//! The buttons of a filter, which are drawings to Excel: one on each cell of the header.
//!
//! A filter without them is there and can not be seen. The drawing of a sheet is one tree of
//! Office's drawing records, cut into a record for each button; behind each stands what the
//! button is.

use super::record::{Bytes, MSODRAWING, MSODRAWINGGROUP, OBJ};

/// Shapes are numbered across the workbook; each drawing has so many numbers.
const SHAPES_OF_A_DRAWING: u32 = 1_024;

/// Office's drawing records.
const GROUP_CONTAINER: u16 = 0xF000;
const DRAWING_CONTAINER: u16 = 0xF002;
const SHAPES_CONTAINER: u16 = 0xF003;
const SHAPE_CONTAINER: u16 = 0xF004;
const GROUP: u16 = 0xF006;
const DRAWING: u16 = 0xF008;
const SHAPES: u16 = 0xF009;
const SHAPE: u16 = 0xF00A;
const OPTIONS: u16 = 0xF00B;
const ANCHOR: u16 = 0xF010;
const DATA: u16 = 0xF011;
const COLOURS: u16 = 0xF11E;

/// The kind of shape that shows a control of Excel's own.
const HOST_CONTROL: u16 = 201;

/// How a record says that others stand in it.
const CONTAINER_VERSION: u16 = 0xF;

/// A button's shape with the head of its container: that of the shape, its options, anchor and
/// data.
const BUTTON_BYTES: u32 = 8 + BUTTON_INNER_BYTES;
const BUTTON_INNER_BYTES: u32 = 16 + (8 + 30) + (8 + 18) + 8;
/// The invisible shape that holds the others: its container, itself, its place.
const HOLDER_BYTES: u32 = 8 + HOLDER_INNER_BYTES;
const HOLDER_INNER_BYTES: u32 = 24 + 16;

/// The record about all drawings of a workbook, by the number of buttons on each sheet. `None`
/// where there are none.
pub(super) fn group(buttons: &[u32]) -> Option<Bytes> {
    let drawings = || (1..).zip(buttons).filter(|(_, buttons)| **buttons > 0);
    let (last, buttons_of_last) = drawings().last()?;
    // Each sheet's holder is a shape too.
    let shapes = drawings().map(|(_, buttons)| buttons + 1).sum::<u32>();
    let count = drawings().count() as u32;
    let body = Bytes::default().u32(shape_number(last, *buttons_of_last) + 1);
    let body = body.u32(count + 1).u32(shapes).u32(count);
    let body = drawings().fold(body, |body, (sheet, buttons)| body.u32(sheet).u32(buttons + 1));
    let inner = part(Bytes::default(), GROUP, 0, 0, &body.0);
    // Excel's defaults for new shapes, and the colours that its menus show.
    let options = [
        0xBF, 0x00, 0x08, 0x00, 0x08, 0x00, 0x81, 0x01, 0x09, 0x00, 0x00, 0x08, 0xC0, 0x01, 0x40,
        0x00, 0x00, 0x08,
    ];
    let inner = part(inner, OPTIONS, 3, 3, &options);
    let colours = Bytes::default().u32(0x0800_000D).u32(0x0800_000C).u32(0x0800_0017);
    let inner = part(inner, COLOURS, 0, 4, &colours.u32(0x1000_00F7).0);
    let whole = part(Bytes::default(), GROUP_CONTAINER, CONTAINER_VERSION, 0, &inner.0);
    Some(Bytes::default().record(MSODRAWINGGROUP, whole))
}

/// The buttons of a sheet, which is the `sheet`th from 1.
pub(super) fn buttons(sheet: u32, buttons: u32) -> Bytes {
    (0..buttons).fold(Bytes::default(), |records, column| {
        let begin = match column {
            0 => holder(sheet, buttons),
            _ => Bytes::default(),
        };
        let drawing = button(begin, shape_number(sheet, column + 1), column as u16);
        records.record(MSODRAWING, drawing).record(OBJ, object(column as u16 + 1))
    })
}

fn shape_number(sheet: u32, shape: u32) -> u32 {
    sheet * SHAPES_OF_A_DRAWING + shape
}

/// The beginning of a drawing: the heads of the containers that hold everything, and the shape
/// that holds the others.
fn holder(sheet: u32, buttons: u32) -> Bytes {
    let shapes_bytes = HOLDER_BYTES + buttons * BUTTON_BYTES;
    let bytes = Bytes::default();
    let bytes = head(bytes, DRAWING_CONTAINER, CONTAINER_VERSION, 0, 16 + 8 + shapes_bytes);
    let drawing = Bytes::default().u32(buttons + 1).u32(shape_number(sheet, buttons));
    let bytes = part(bytes, DRAWING, 0, sheet as u16, &drawing.0);
    let bytes = head(bytes, SHAPES_CONTAINER, CONTAINER_VERSION, 0, shapes_bytes);
    let bytes = head(bytes, SHAPE_CONTAINER, CONTAINER_VERSION, 0, HOLDER_INNER_BYTES);
    let bytes = part(bytes, SHAPES, 1, 0, &[0; 16]);
    // A group, and the outermost.
    let shape = Bytes::default().u32(shape_number(sheet, 0)).u32(0x0005);
    part(bytes, SHAPE, 2, 0, &shape.0)
}

fn button(bytes: Bytes, shape: u32, column: u16) -> Bytes {
    let bytes = head(bytes, SHAPE_CONTAINER, CONTAINER_VERSION, 0, BUTTON_INNER_BYTES);
    // It has an anchor and a kind.
    let bytes = part(bytes, SHAPE, 2, HOST_CONTROL, &Bytes::default().u32(shape).u32(0x0A00).0);
    let options = Bytes::default()
        // It can not be grouped, its text does not stretch it, nothing behind it is hit, no line,
        // and it is not printed.
        .u16(0x007F)
        .u32(0x0104_0104)
        .u16(0x00BF)
        .u32(0x0008_0008)
        .u16(0x01BF)
        .u32(0x0001_0000)
        .u16(0x01FF)
        .u32(0x0008_0000)
        .u16(0x03BF)
        .u32(0x000A_0000);
    let bytes = part(bytes, OPTIONS, 3, 5, &options.0);
    // Over the header's cell, from corner to corner; it moves with it.
    let anchor = Bytes::default().u16(1).u16(column).u16(0).u16(0).u16(0);
    let anchor = anchor.u16(column + 1).u16(0).u16(1).u16(0);
    part(part(bytes, ANCHOR, 0, 0, &anchor.0), DATA, 0, 0, &[])
}

/// What a button is: a drop-down list that belongs to a filter.
fn object(number: u16) -> Bytes {
    const COMMON: u16 = 0x0015;
    const SCROLL_BAR: u16 = 0x000C;
    const LIST: u16 = 0x0013;
    const DROP_DOWN: u16 = 0x0014;
    /// A filter's list says so instead of its length.
    const LIST_OF_A_FILTER: u16 = 0x1FEE;
    let scroll_bar = [0, 0, 0, 0, 0, 0, 0, 0, 0x64, 0, 1, 0, 0x0A, 0, 0, 0, 0x10, 0, 1, 0];
    let list = [0, 0, 0, 0, 1, 0, 1, 3, 0, 0, 2, 0, 8, 0, 0x57, 0];
    let common = Bytes::default().u16(COMMON).u16(18).u16(DROP_DOWN).u16(number).u16(0x2101);
    let common = common.u32(0).u32(0).u32(0);
    let bytes = common.u16(SCROLL_BAR).u16(20).bytes(&scroll_bar);
    bytes.u16(LIST).u16(LIST_OF_A_FILTER).bytes(&list).u32(0)
}

/// Adds the head of one of Office's records.
fn head(bytes: Bytes, kind: u16, version: u16, instance: u16, length: u32) -> Bytes {
    bytes.u16(version | instance << 4).u16(kind).u32(length)
}

/// Adds a whole one.
fn part(bytes: Bytes, kind: u16, version: u16, instance: u16, body: &[u8]) -> Bytes {
    head(bytes, kind, version, instance, body.len() as u32).bytes(body)
}
