//! The tests that look at Satchel from outside.

mod durability;
mod full_disk;
