//! Both ways of an import, as one change and as a new generation, have the same result.

use std::sync::LazyLock;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    job::{CancelOutcome, Progress},
    model::{Entity, Field, Kind, Map, Name, Pool, Secret, Secrets, Side, User, Value},
    store::{Origin, Store, StoreError},
};

/// The hash of a password, as eNMS writes it. It is not computed here, because that is slow.
const HASH: &str = "$argon2id$v=19$m=102400,t=2,p=8$+P9APyYIpwvU1QH9PsV3yA$yvsIoy98kMZzSr1nwUKrxA";

/// The administrator who imports.
const PRINCIPAL: &str = "admin";

/// The origin of the changes of these tests.
static ORIGIN: LazyLock<Origin> = LazyLock::new(|| Origin::of_user(PRINCIPAL, "test"));

fn origin() -> Origin {
    ORIGIN.clone()
}

/// Every merging import is written as one change, also into a small inventory.
const ONE_CHANGE: SmallImport = SmallImport {
    existing_records_min: 0,
    existing_for_each_incoming_min: 0,
    ..SmallImport::DEFAULT
};

/// Every import is written as a new generation.
const NEW_GENERATION: SmallImport =
    SmallImport { existing_records_min: u64::MAX, ..SmallImport::DEFAULT };

const NAMES: [&str; 9] =
    ["..", "R 1%", "é>b", "[Shared] x", "a/b", "r 1%", " ", "100% \u{202e}(x): y; --", "admin"];

/// The imported kinds, which refer to each other.
const KINDS: [Kind; 8] = [
    Kind::User,
    Kind::Group,
    Kind::Device,
    Kind::Network,
    Kind::Link,
    Kind::Pool,
    Kind::Service,
    Kind::Task,
];

#[derive(Clone, Serialize, JsonSchema)]
struct Source {}

/// One document for each kind.
type Documents = Vec<(Kind, Vec<Value>)>;

struct Inventory {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Inventory {
    /// An inventory with one administrator.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Self::with_administrator(store, folder)
    }

    fn with_administrator(store: Store, folder: tempfile::TempDir) -> Self {
        let mut user = User::named(Name::parse(PRINCIPAL.to_owned()).unwrap());
        user.is_admin = Field::Set(true);
        user.password = Field::Set(Secret::from_plain(HASH));
        store.change(&origin(), |change| change.put(user).map(drop)).unwrap();
        Self { store, _folder: folder }
    }

    fn scratch(&self) -> std::path::PathBuf {
        self.store.directory().scratch()
    }

    /// Imports documents, and returns the report.
    fn import(
        &self,
        documents: &Documents,
        options: &ImportOptions<'_>,
        progress: &Progress,
    ) -> Result<Json, ImportError> {
        let log = Log::new(ImportSource::Documents, &self.scratch(), progress)?;
        let intake = Intake::new(self.store.vault(), &log);
        let mut kinds = Vec::new();
        for (kind, items) in documents {
            let mut records = intake.records(*kind);
            for (index, item) in (0..).zip(items) {
                let position = RecordPosition { index, line: index + 1 };
                intake.take_item(&mut records, item.clone(), position)?;
            }
            kinds.push(records.finish()?);
        }
        let decoded = intake.finish(kinds)?;
        let run = apply(&self.store, options, &log, decoded)?;
        let mut report = serde_json::to_value(run.report(Source {}, options.kinds, &log)).unwrap();
        report["milliseconds"].take();
        Ok(report)
    }

    /// Everything that a later reader can see: records, members of pools, references and numbers.
    fn contents(&self) -> Vec<String> {
        let reading = self.store.read();
        let mut contents = Vec::new();
        for kind in Kind::ALL {
            for entry in reading.scan_raw(kind) {
                let (name, raw) = entry.unwrap();
                let mut record = raw.record(kind, &name).unwrap();
                self.store.vault().decrypt_secrets(&mut *record).unwrap();
                let views = record.views(Secrets::Included);
                let header = (raw.header.ordinal, raw.header.version);
                contents.push(format!("{kind} {header:?} {views:?}"));
            }
            let summary = reading.summary().unwrap();
            let counts = summary.kind(kind);
            contents.push(format!("{kind} {} {}", counts.count, counts.ordinal_next));
        }
        for pool in reading.scan::<Pool>() {
            let ordinal = pool.unwrap().ordinal;
            for side in [Side::Device, Side::Link] {
                let members = reading.members(ordinal, side).unwrap();
                assert_eq!(reading.member_count(ordinal, side).unwrap(), members.len() as u64);
                contents.push(format!("members {ordinal} {members:?}"));
            }
        }
        let each = |target: &[u8], posting: &[u8]| {
            contents.push(format!("reference {target:?} {posting:?}"));
            Ok::<_, StoreError>(())
        };
        reading.each_reference(each).unwrap();
        let mut findings = Vec::new();
        reading
            .verify(&self.scratch(), &Progress::detached(), &mut |finding| findings.push(finding))
            .unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        contents
    }
}

fn options(small: SmallImport) -> ImportOptions<'static> {
    ImportOptions {
        merging: Merging::MergeRecords,
        principal_record: PrincipalRecord::Kept,
        kept_by_replacement: None,
        what: "project",
        kinds: &KINDS,
        emptying: Emptying::Nothing,
        empty_replacement: EmptyReplacement::Refused,
        on_error: OnError::Fail,
        mode: Mode::Apply,
        small,
        origin: &ORIGIN,
    }
}

fn record(name: &str, properties: &[(&str, Value)]) -> Value {
    let mut entries = vec![("name".into(), name.into())];
    entries.extend(properties.iter().map(|(key, value)| (Value::from(*key), value.clone())));
    Value::Map(Map::from_entries(entries))
}

fn list(names: &[&str]) -> Value {
    Value::List(names.iter().map(|name| Value::from(*name)).collect())
}

/// A record of a kind whose properties follow from random numbers. Some are absent, some are wrong,
/// and some refer to records that do not exist.
fn random_record(kind: Kind, [name, first, second, choice]: [usize; 4]) -> Value {
    let named = |number: usize| NAMES[number % NAMES.len()];
    let (one, other) = (named(first), named(second));
    let mut properties: Vec<(&str, Value)> = match kind {
        Kind::Device => vec![
            ("vendor", ["Cisco", "nokia", ""][first % 3].into()),
            ("ip_address", ["10.0.0.1", "10.0.0.2", "no address", ""][second % 4].into()),
            ("owners", list(&[one, other])),
            ("mine", Value::List(vec![Value::Int(1), one.into()])),
        ],
        Kind::Link => vec![
            ("source", one.into()),
            ("destination", other.into()),
            ("vendor", ["Cisco", "nokia"][first % 2].into()),
        ],
        Kind::Network => vec![("nodes", list(&[one, other]))],
        Kind::User => vec![("groups", list(&[one])), ("password", "p".into())],
        Kind::Group => vec![("description", one.into())],
        Kind::Pool => match first % 4 {
            0 => vec![("device_vendor", "cisco".into()), ("link_vendor", "nokia".into())],
            1 => vec![("manually_defined", Value::Bool(true)), ("devices", list(&[one, other]))],
            2 => vec![("device_name", "(".into()), ("device_name_match", "regex".into())],
            _ => vec![("description", other.into())],
        },
        Kind::Service => vec![("type", "swiss_army_knife_service".into())],
        Kind::Task => vec![("service", one.into()), ("devices", list(&[other]))],
        _ => Vec::new(),
    };
    if kind == Kind::User && choice % 3 == 0 {
        properties.push(("is_admin", Value::Bool(choice % 2 == 0)));
    }
    if choice % 11 == 0 {
        properties.push(("description", Value::List(Vec::new())));
    }
    // Partial records leave the other properties of an existing record as they are.
    if choice % 5 == 0 {
        properties.truncate(1);
    }
    record(named(name), &properties)
}

fn documents() -> impl Strategy<Value = Documents> {
    let item = (0..KINDS.len(), any::<[u8; 4]>());
    prop::collection::vec(item, 0..12).prop_map(|items| {
        let mut documents = Documents::new();
        for (kind, numbers) in items {
            let kind = KINDS[kind];
            let item = random_record(kind, numbers.map(usize::from));
            match documents.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, items)) => items.push(item),
                None => documents.push((kind, vec![item])),
            }
        }
        documents
    })
}

/// Removes the member that tells the way, and returns it.
fn take_written(report: &mut Json) -> Json {
    report["written"].take()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Imports of random records into two inventories, one way into each. The reports and the
    /// inventories stay equal, also those of dry runs and of imports with rejected records.
    #[test]
    fn both_ways_have_equal_reports_and_inventories(
        imports in prop::collection::vec((documents(), 0..4_u8), 1..8)
    ) {
        let inventories = [Inventory::new(), Inventory::new()];
        for (documents, choice) in imports {
            let mut before = None;
            let results = [ONE_CHANGE, NEW_GENERATION].map(|small| ImportOptions {
                mode: if choice == 0 { Mode::DryRun } else { Mode::Apply },
                on_error: if choice == 1 { OnError::Fail } else { OnError::Skip },
                ..options(small)
            });
            let results: Vec<_> = inventories.iter().zip(&results).map(|(inventory, options)| {
                if options.mode == Mode::DryRun {
                    before.get_or_insert_with(|| inventory.contents());
                }
                let imported = inventory.import(&documents, options, &Progress::detached());
                imported.map_err(|error| error.to_string())
            }).collect();
            match <[_; 2]>::try_from(results).unwrap() {
                [Ok(mut one), Ok(mut other)] => {
                    let (written, replaced) = (take_written(&mut one), take_written(&mut other));
                    prop_assert_eq!(written == "nothing", replaced == "nothing");
                    prop_assert!(written != "new_generation" || replaced == written);
                    prop_assert_eq!(one, other);
                }
                [one, other] => prop_assert_eq!(one, other),
            }
            let [one, other] = [0, 1].map(|index| inventories[index].contents());
            prop_assert_eq!(&one, &other);
            prop_assert!(before.is_none_or(|before| before == one));
        }
    }
}

/// The base of the tests below: devices, a link, and pools of both sources.
fn base() -> Documents {
    vec![
        (
            Kind::Device,
            vec![
                record("R 1%", &[("vendor", "Cisco".into())]),
                record("..", &[("vendor", "nokia".into())]),
            ],
        ),
        (
            Kind::Link,
            vec![record("é>b", &[("source", "..".into()), ("destination", "R 1%".into())])],
        ),
        (Kind::Pool, vec![record("p", &[("device_vendor", "cisco".into())])]),
    ]
}

/// Imports and expects success.
fn imported(inventory: &Inventory, documents: &Documents, small: SmallImport) -> Json {
    let report = inventory.import(documents, &options(small), &Progress::detached()).unwrap();
    assert_eq!(report["outcome"], "imported", "{report}");
    report
}

#[test]
fn a_small_import_is_one_change_and_a_large_one_a_new_generation() {
    let inventory = Inventory::new();
    let generation = || inventory.store.generations().unwrap().current.number;
    let report = imported(&inventory, &base(), NEW_GENERATION);
    assert_eq!((report["written"].as_str(), generation()), (Some("new_generation"), 2));

    let change = vec![(Kind::Device, vec![record("..", &[("vendor", "CISCO".into())])])];
    // The default limits are for large inventories.
    let dry = ImportOptions { mode: Mode::DryRun, ..options(SmallImport::DEFAULT) };
    let report = inventory.import(&change, &dry, &Progress::detached()).unwrap();
    assert_eq!(report["written"], "new_generation");
    let dry = ImportOptions { mode: Mode::DryRun, ..options(ONE_CHANGE) };
    let told = inventory.import(&change, &dry, &Progress::detached()).unwrap();
    assert_eq!(told["written"], "one_change");
    assert_eq!(told["changes"]["total"], 2, "the device and its pool: {told}");

    let version = inventory.store.read().summary().unwrap().version;
    let report = imported(&inventory, &change, ONE_CHANGE);
    assert_eq!((report["written"].as_str(), generation()), (Some("one_change"), 2));
    assert_eq!(report["types"], told["types"]);
    let reading = inventory.store.read();
    assert_eq!(reading.summary().unwrap().version, version + 1);
    let pool = reading.get::<Pool>("p").unwrap().unwrap().ordinal;
    assert_eq!(reading.members(pool, Side::Device).unwrap(), ["R 1%", ".."]);

    // Again, the import changes nothing.
    let report = imported(&inventory, &change, ONE_CHANGE);
    assert_eq!(report["written"], "nothing");
    assert_eq!(inventory.store.read().summary().unwrap().version, version + 1);

    // Criteria concern all records, and a replacement removes records.
    let pool = vec![(Kind::Pool, vec![record("p", &[("device_vendor", "nokia".into())])])];
    assert_eq!(imported(&inventory, &pool, ONE_CHANGE)["written"], "new_generation");
    let replace = ImportOptions { emptying: Emptying::Present, ..options(ONE_CHANGE) };
    let report = inventory.import(&change, &replace, &Progress::detached()).unwrap();
    assert_eq!(report["written"], "new_generation");
}

#[test]
fn a_small_import_that_does_not_fit_into_a_transaction_is_a_new_generation() {
    let inventory = Inventory::new();
    imported(&inventory, &base(), NEW_GENERATION);
    let text = "é".repeat(200_000);
    let device = |number: u64| {
        record(
            &format!("R {number} 100%"),
            &[("vendor", "Cisco".into()), ("mine", (&*text).into())],
        )
    };
    let administrator = record("b", &[("is_admin", Value::Bool(true)), ("password", "p".into())]);
    let documents =
        vec![(Kind::Device, (0..60).map(device).collect()), (Kind::User, vec![administrator])];
    let mut large = imported(&inventory, &documents, ONE_CHANGE);
    assert_eq!(take_written(&mut large), "new_generation");
    assert_eq!(large["administrators"]["total"], 1, "reported once: {large}");

    let other = Inventory::new();
    imported(&other, &base(), NEW_GENERATION);
    let mut expected = imported(&other, &documents, NEW_GENERATION);
    take_written(&mut expected);
    assert_eq!(large, expected);
    assert_eq!(inventory.contents(), other.contents());
}

#[test]
fn a_cancelled_small_import_changes_nothing() {
    let inventory = Inventory::new();
    imported(&inventory, &base(), NEW_GENERATION);
    let before = inventory.contents();
    let change = vec![(Kind::Device, vec![record("new", &[])])];
    let progress = Progress::detached();
    assert_eq!(progress.cancel(), CancelOutcome::Accepted);
    let cancelled = inventory.import(&change, &options(ONE_CHANGE), &progress);
    assert!(matches!(cancelled, Err(ImportError::Store(StoreError::Cancelled(_)))));
    assert_eq!(inventory.contents(), before);

    // When the change takes effect, a cancellation is too late.
    let progress = Progress::detached();
    inventory.import(&change, &options(ONE_CHANGE), &progress).unwrap();
    assert_eq!(progress.cancel(), CancelOutcome::TooLate);
}

#[test]
fn a_report_tells_how_the_import_was_written() {
    let written = [Written::Nothing, Written::OneChange, Written::NewGeneration];
    assert_eq!(json!(written), json!(["nothing", "one_change", "new_generation"]));
}
