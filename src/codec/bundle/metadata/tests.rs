use super::*;
use crate::model::PerKind;

fn ours() -> Metadata {
    Metadata {
        export_time: Some("2026-05-23 17:11:12.171765".to_owned()),
        release: Some(Release::from_value(Value::Float(4.6)).unwrap()),
        declared: Some(Declared {
            format: 1,
            secrets: Secrets::Included,
            documents: PerKind::new(|kind| {
                (kind != Kind::Task).then(|| DocumentInfo {
                    records: 10,
                    bytes: 1 << 40,
                    sha256: [kind.index() as u8; 32].into(),
                })
            }),
        }),
    }
}

#[test]
fn rendered_metadata_parses_to_the_same() {
    let metadata = ours();
    assert_eq!(Metadata::from_value(&metadata.to_value()), Ok(metadata.clone()));
    assert_eq!(Metadata::parse(metadata.render().as_bytes()), Ok(metadata));
    for release in ["4.6.1", "a \"b\" é \u{1f600} \u{85}: #x\n"] {
        let release = Release::from_value(release.into()).unwrap();
        let metadata = Metadata { release: Some(release), ..ours() };
        assert_eq!(Metadata::parse(metadata.render().as_bytes()), Ok(metadata));
    }
}

#[test]
fn the_metadata_of_enms_is_read() {
    let metadata = Metadata::parse(b"{export_time: 2023-05-23 17:11:12.171765, version: 4.5}\n");
    let metadata = metadata.unwrap();
    assert_eq!(metadata.export_time.as_deref(), Some("2023-05-23 17:11:12.171765"));
    assert_eq!(metadata.release.as_ref().unwrap().as_value(), &Value::Float(4.5));
    assert_eq!(metadata.release.unwrap().to_string(), "4.5");
    assert_eq!(metadata.declared, None);
}

#[test]
fn a_newer_format_is_refused_before_other_errors() {
    for secrets in ["half", "[half]"] {
        let text = format!("satchel: {{format: 7, secrets: {secrets}}}");
        let error = Metadata::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error, MetadataError::Format { format: 7 });
    }
    let error = MetadataError::Format { format: 7 };
    let sentence = error.to_string();
    assert!(sentence.contains("format 7") && sentence.contains("up to 1"), "{sentence}");
    let zero = Metadata::parse(b"satchel: {format: 0}");
    assert_eq!(zero, Err(MetadataError::Format { format: 0 }));
}

#[test]
fn a_metadata_error_names_the_key() {
    let message =
        |text: &str| crate::wording::chain(&Metadata::parse(text.as_bytes()).unwrap_err());
    assert!(message("").contains("'metadata.yaml' must be a map, but is null"));
    assert!(message("satchel: 1").contains("'satchel' must be"));
    assert!(message("satchel: {secrets: included}").contains("'satchel.format' is missing"));
    assert!(
        message("satchel: {format: 1, secrets: some}")
            .contains("'satchel.secrets' has the unknown value \"some\"")
    );
    let documents = |inner: &str| {
        message(&format!("satchel: {{format: 1, secrets: included, documents: {inner}}}"))
    };
    assert!(documents("{divice: {}}").contains("did you mean 'device'?"));
    assert!(documents("{device: {}}").contains("'satchel.documents.device.sha256' is missing"));
    assert!(documents("{device: {sha256: aa}}").contains("'satchel.documents.device.sha256'"));
    assert!(message("version: {}").contains("'version'"));
    assert!(message("version: true").contains("'version'"));
    assert!(message(&format!("version: {}x", "9".repeat(100))).contains("'version'"));
    assert!(message("export_time: 12").contains("'export_time'"));
    assert!(message("a: b: c").contains("not valid YAML"));
    assert!(message(&"{a: ".repeat(100_000)).contains("not valid YAML"));
    assert!(message("a: 1\na: 2").contains("twice"));
}
