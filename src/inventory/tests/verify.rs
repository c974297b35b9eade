//! Tests of verification.

use super::*;
use crate::job::Progress;
use crate::model::{Device, Pool, Side};

#[test]
fn a_consistent_inventory_is_ok_and_wrong_members_are_found() {
    let fixture = Fixture::new();
    for name in ["R 1%", "é>b"] {
        fixture.put_valid(Kind::Device, &[("name", name.into()), ("vendor", "Nokia".into())]);
    }
    let criteria = [("name", "[Shared] x".into()), ("device_vendor", "nokia".into())];
    fixture.put_valid(Kind::Pool, &criteria);
    fixture.put_valid(Kind::Pool, &[("name", "none".into()), ("device_vendor", "other".into())]);
    let report = fixture.inventory.verify(&Progress::detached()).unwrap();
    assert!(report.whole, "{report:?}");
    assert_eq!((report.members, report.records), (2, 5));

    let ordinal = |name: &str| {
        let reading = fixture.store.read();
        reading.get::<Pool>(name).unwrap().unwrap().ordinal
    };
    let device = fixture.store.read().get::<Device>("R 1%").unwrap().unwrap().ordinal;
    let (all, none) = (ordinal("[Shared] x"), ordinal("none"));
    fixture
        .store
        .change(&origin(), |transaction| -> Result<_, crate::store::StoreError> {
            transaction.remove_members(all, Side::Device, &[(device, "R 1%")]);
            transaction.add_members(none, Side::Device, &[(device, "R 1%")]);
            transaction.add_members(77, Side::Device, &[(device, "R 1%")]);
            Ok(())
        })
        .unwrap();
    let report = fixture.inventory.verify(&Progress::detached()).unwrap();
    assert!(!report.whole);
    let found: Vec<_> = report
        .findings
        .shown
        .iter()
        .map(|finding| (finding.rule, finding.kind, finding.name.as_deref()))
        .collect();
    let pool = Some(Kind::Pool);
    for expected in [
        ("members", pool, Some("[Shared] x")),
        ("members", pool, Some("none")),
        ("members", pool, None),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert_eq!(report.findings.total, 3);
}
