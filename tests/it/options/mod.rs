//! The options of the calls that change something: read in every place of a request, and refused if
//! they are unknown, duplicate or contradict each other, so that no dry run becomes a change.

mod calls;
mod effects;
mod refused;
mod seen;
