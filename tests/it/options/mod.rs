//! The options of the calls that change something: read wherever they stand, and refused where
//! they are unknown, doubled or contradict each other, so that no dry run is a real one.

mod calls;
mod effects;
mod refused;
mod seen;
