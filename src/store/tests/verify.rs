//! Verification: damage is found with its kind and name, and an intact store has no findings.

use super::plain::*;
use crate::job::Progress;
use crate::{
    model::{Device, Entity, Kind, Name, Side, Target},
    store::{
        Finding, Store, StoreError, Verified, format, references, summary::SUMMARY_KEY,
        tree_id::TreeId,
    },
};

/// A store with a reference and a long value, and the generation behind it.
fn store(folder: &tempfile::TempDir) -> (Store, std::sync::Arc<super::super::Generation>) {
    let store = Store::open(folder.path()).unwrap();
    let named = vec!["[Shared] x".to_owned()];
    let steps = vec![
        Step::Put(Recipe::new(Kind::Group, "[Shared] x", 10)),
        Step::Put(Recipe { named, ..Recipe::new(Kind::Device, "R 1%", 10) }),
        Step::Put(Recipe::new(Kind::Device, "long é", 20_000)),
    ];
    Plain::default().change(&store, &Change { steps, is_abandoned: false });
    store
        .change(&origin(), |t| -> Result<_, StoreError> {
            t.put_text("R 1%", "configuration", &"x".repeat(9000))
        })
        .unwrap();
    let generation = store.current().ok().unwrap().generation;
    (store, generation)
}

fn verify(store: &Store) -> (Verified, Vec<Finding>) {
    let mut findings = Vec::new();
    let scratch = store.directory().scratch();
    let verified = store
        .read()
        .verify(&scratch, &Progress::detached(), &mut |finding| findings.push(finding))
        .unwrap();
    (verified, findings)
}

fn codes(findings: &[Finding]) -> Vec<(&'static str, Option<Kind>, Option<&str>)> {
    findings.iter().map(|f| (f.code, f.kind, f.name.as_deref())).collect()
}

#[test]
fn an_intact_store_has_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = store(&folder);
    let (verified, findings) = verify(&store);
    // The recipes refer to missing records, which the store does not check.
    let others: Vec<_> = findings.iter().filter(|finding| finding.code != "dangling").collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(verified.kinds[Kind::Device].records, 2);
    assert_eq!(verified.texts, 1);
    assert!(verified.references > 0);
}

/// Damages a generation.
type Damage = fn(&super::super::Generation);

#[test]
fn every_damage_is_found() {
    let damage: [(&str, Damage); 9] = [
        ("damaged", |g| {
            g.tree(TreeId::Kind(Kind::Device)).insert("R 1%", &[255_u8; 50][..]).unwrap();
        }),
        ("damaged", |g| {
            let (first, _) = g.tree(TreeId::Chunks).iter().next().unwrap().unwrap();
            g.tree(TreeId::Chunks).remove(first).unwrap();
        }),
        ("chunk", |g| {
            g.tree(TreeId::Chunks).insert("é>b", b"x").unwrap();
        }),
        ("count", |g| {
            let name = Name::parse("unseen".to_owned()).unwrap();
            let body = format::encode_body(&Device::named(name)).unwrap();
            g.tree(TreeId::Kind(Kind::Device))
                .insert("unseen", format::values(9, 1, &body).head)
                .unwrap();
        }),
        ("index", |g| {
            g.tree(TreeId::References).clear().unwrap();
        }),
        ("index", |g| {
            let key = references::target_key(Target::Kind(Kind::User), "nobody");
            let posting = references::posting(Kind::Device, "owners", "R 1%");
            let mut packer = crate::store::packed::Packer::new();
            assert!(packer.push(&key, &posting).is_none());
            let (key, block) = packer.take().unwrap();
            g.tree(TreeId::References).insert(key, block).unwrap();
        }),
        // Under this key, a lookup does not find the block's items.
        ("index", |g| {
            let (key, block) = g.tree(TreeId::References).iter().next().unwrap().unwrap();
            g.tree(TreeId::References).remove(&key).unwrap();
            g.tree(TreeId::References)
                .insert([&key[..key.len() - 1], &[0]].concat(), block)
                .unwrap();
        }),
        ("index", |g| {
            let list = crate::store::members::list_key(7, Side::Link);
            g.tree(TreeId::Members).insert([&list[..], &[0]].concat(), &[1, 0, 1][..]).unwrap();
        }),
        ("text", |g| {
            let (key, _) = g.tree(TreeId::Texts).iter().next().unwrap().unwrap();
            let key = String::from_utf8(key.to_vec()).unwrap().replace("R 1%", "gone");
            let short = format::values(0, 1, b"x").head;
            g.tree(TreeId::Texts).insert(key, short).unwrap();
        }),
    ];
    for (code, damage) in damage {
        let folder = tempfile::tempdir().unwrap();
        let (store, generation) = store(&folder);
        damage(&generation);
        let (_, findings) = verify(&store);
        assert!(findings.iter().any(|finding| finding.code == code), "{code}: {findings:?}");
    }
}

#[test]
fn a_finding_names_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    generation.tree(TreeId::Kind(Kind::Device)).insert("R 1%", &[255_u8; 50][..]).unwrap();
    let (_, findings) = verify(&store);
    let found = codes(&findings);
    assert!(found.contains(&("damaged", Some(Kind::Device), Some("R 1%"))), "{found:?}");
    // The index still has the reference of the unreadable record.
    assert!(found.contains(&("index", Some(Kind::Device), Some("R 1%"))), "{found:?}");
}

#[test]
fn wrong_counts_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let mut summary = (*generation.summary()).clone();
    summary.kind_mut(Kind::Device).count = 7;
    summary.kind_mut(Kind::Group).ordinal_next = 0;
    generation.tree(TreeId::Meta).insert(SUMMARY_KEY, format::encode(&summary)).unwrap();
    generation.note_summary(summary);
    let (_, findings) = verify(&store);
    let found = codes(&findings);
    assert!(found.contains(&("count", Some(Kind::Device), None)), "{found:?}");
    assert!(found.contains(&("ordinal", Some(Kind::Group), None)), "{found:?}");
}
