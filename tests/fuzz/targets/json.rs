//! The JSON reader: the objects that it reads are written as JSON that reads as the same objects.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satchel::codec::json::{self, Objects};
use satchel::model::Map;

fn written(object: &Map) -> serde_json::Value {
    json::of_value(&satchel::model::Value::Map(object.clone()))
}

fuzz_target!(|body: &[u8]| {
    let Ok(objects) = json::read_objects(body) else { return };
    let text = match &objects {
        Objects::One(object) => written(object).to_string(),
        Objects::Many(list) => {
            serde_json::Value::from(list.iter().map(written).collect::<Vec<_>>()).to_string()
        }
    };
    // An integer beyond 64 bits is written as text, so the second reading is the measure.
    let again = json::read_objects(text.as_bytes()).expect("what was written is read");
    let text_again = match &again {
        Objects::One(object) => written(object).to_string(),
        Objects::Many(list) => {
            serde_json::Value::from(list.iter().map(written).collect::<Vec<_>>()).to_string()
        }
    };
    assert_eq!(text, text_again);
});
