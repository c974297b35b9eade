//! Tests of the store as a whole, all of them against [`plain::Plain`].

mod backup;
mod beside;
mod changes;
mod damage;
mod full_disk;
mod history;
mod history_groups;
mod history_loss;
mod kept;
mod kept_texts;
mod loads;
mod plain;
mod secret_properties;
mod snapshots;
mod undo;
mod verify;

/// The usual number of cases, or the number in `PROPTEST_CASES`.
fn cases(usual: u32) -> proptest::prelude::ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    proptest::prelude::ProptestConfig::with_cases(cases.unwrap_or(usual))
}
