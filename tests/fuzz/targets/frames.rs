//! The server's end of the pipe to the process that decodes workbooks: it believes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|frames: &[u8]| satchel::codec::workbook::fuzzing::read_frames(frames));
