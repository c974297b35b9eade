//! Projects are created, replaced and removed, and never left incomplete.

use std::{
    io::{Cursor, Read, Seek, Write},
    os::unix::fs::{PermissionsExt, symlink},
    sync::Barrier,
};

use tempfile::TempDir;

use super::*;
use crate::{
    codec::bundle::{BundleError, BundleInfo, BundleWriter, Release},
    model::{Kind, Secrets, Value},
};

fn library() -> (TempDir, ProjectLibrary) {
    let dir = tempfile::tempdir().unwrap();
    let library = ProjectLibrary::open(dir.path().join("data/migrations")).unwrap();
    (dir, library)
}

fn name(text: &str) -> ProjectName {
    text.parse().unwrap()
}

/// Writes a bundle with this document of devices, and returns the output.
fn write<W: Write + Seek>(out: W, devices: &[u8]) -> W {
    let mut writer = BundleWriter::new(out);
    let mut document = writer.document(Kind::Device).unwrap();
    document.write_all(devices).unwrap();
    document.finish(3).unwrap();
    let info = BundleInfo {
        export_time: "2026-05-23 17:11:12.171765".to_owned(),
        release: Release::from_value(Value::Float(4.6)).unwrap(),
        secrets: Secrets::LeftOut,
    };
    writer.finish(info).unwrap().0
}

fn bundle(devices: &[u8]) -> Vec<u8> {
    write(Cursor::new(Vec::new()), devices).into_inner()
}

fn export(library: &ProjectLibrary, project: &str, devices: &[u8]) {
    write(library.create(&name(project)).unwrap(), devices).commit().unwrap();
}

fn folder(library: &ProjectLibrary, project: &str) -> PathBuf {
    let path = library.dir.join(project);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("device.yaml"), "- {name: a}\n").unwrap();
    fs::write(path.join("port.yaml"), "[]\n").unwrap();
    let metadata = "{export_time: 2023-05-23 17:11:12.171765, version: 4.5}\n";
    fs::write(path.join("metadata.yaml"), metadata).unwrap();
    path
}

fn devices(project: &Project) -> Result<Vec<u8>, LibraryError> {
    let mut text = Vec::new();
    if let Some(mut document) = project.document(Kind::Device)? {
        let path = Path::new("device.yaml");
        document.read_to_end(&mut text).map_err(|error| LibraryError::from_io(path, error))?;
    }
    Ok(text)
}

/// The names of all files and folders in the library.
fn files(library: &ProjectLibrary) -> Vec<String> {
    let entries = fs::read_dir(&library.dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_exported_project_is_listed_downloaded_and_read() {
    let (_dir, library) = library();
    export(&library, "Backup", b"- {name: a}\n");
    let project = library.project(&name("Backup")).unwrap();
    assert_eq!(devices(&project).unwrap(), b"- {name: a}\n");
    assert!(project.document(Kind::Link).unwrap().is_none());

    let [summary] = library.projects().unwrap().try_into().unwrap();
    assert_eq!(summary, project.summary());
    let mut sent = library.file(&name("Backup")).unwrap();
    let json = serde_json::to_value(&summary).unwrap();
    let expected = serde_json::json!({
        "name": "Backup",
        "layout": "bundle",
        "release": "4.6",
        "export_time": "2026-05-23 17:11:12.171765",
        "secrets": "left_out",
        "documents": {"device": {"records": 3, "bytes": 12}},
        "ignored": [],
        "warnings": [],
        "bytes": sent.bytes,
        "problem": null,
    });
    assert_eq!(json, expected);

    let mut bytes = Vec::new();
    sent.file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, sent.bytes);
    assert_eq!(bytes, bundle(b"- {name: a}\n"));
    let mode = sent.file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::metadata(&library.dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_export_replaces_the_previous_bundle() {
    let (_dir, library) = library();
    export(&library, "Backup", &b"- {name: a}\n".repeat(1000));
    let before = library.file(&name("Backup")).unwrap();
    let reading = library.project(&name("Backup")).unwrap();

    let mut unfinished = library.create(&name("Backup")).unwrap();
    unfinished.write_all(b"half").unwrap();
    assert_eq!(library.file(&name("Backup")).unwrap().validator, before.validator);
    drop(unfinished);
    assert_eq!(files(&library), ["Backup.zip"]);

    export(&library, "Backup", b"[]\n");
    assert_ne!(library.file(&name("Backup")).unwrap().validator, before.validator);
    assert_eq!(devices(&library.project(&name("Backup")).unwrap()).unwrap(), b"[]\n");
    assert_eq!(devices(&reading).unwrap().len(), 12_000, "an open project does not change");
    assert_eq!(files(&library), ["Backup.zip"]);
}

#[test]
fn the_validator_changes_with_every_byte() {
    let (_dir, library) = library();
    export(&library, "a", b"[]\n");
    let etag = || library.file(&name("a")).unwrap().validator;
    let first = etag();
    assert_eq!(etag(), first);
    assert_eq!(first.len(), 32);
    let path = library.dir.join("a.zip");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_ne!(etag(), first);
}

#[test]
fn an_upload_is_verified_before_it_gets_its_name() {
    let (_dir, library) = library();
    let mut good = bundle(&b"- {name: a}\n".repeat(10_000));
    let mut upload = library.upload(&name("new")).unwrap();
    for piece in good.chunks(100) {
        upload.write_all(piece).unwrap();
    }
    assert!(matches!(library.project(&name("new")), Err(LibraryError::NotFound { .. })));
    assert_eq!(library.projects().unwrap(), []);
    let summary = upload.finish().unwrap();
    assert_eq!(summary.name, "new");
    assert_eq!(library.projects().unwrap(), [summary]);

    // Damage within a document is found only when it is unpacked.
    good[100] ^= 0x10;
    for bad in [good.as_slice(), &good[..good.len() / 2], b"", b"PK"] {
        let mut upload = library.upload(&name("new")).unwrap();
        upload.write_all(bad).unwrap();
        let error = upload.finish().unwrap_err();
        assert!(matches!(error, LibraryError::Bundle(_)), "{error}");
    }
    assert_eq!(devices(&library.project(&name("new")).unwrap()).unwrap().len(), 120_000);
    assert_eq!(files(&library), ["new.zip"]);
}

#[test]
fn an_interrupted_upload_leaves_nothing() {
    let (_dir, library) = library();
    let mut upload = library.upload(&name("new")).unwrap();
    upload.write_all(&bundle(b"[]\n")).unwrap();
    assert_eq!(files(&library).len(), 1);
    drop(upload);
    assert_eq!(files(&library), [""; 0]);

    // After a kill, the next process removes the leftover files and folders.
    let upload = library.upload(&name("new")).unwrap();
    std::mem::forget(upload);
    let left = folder(&library, ".aside-1-9");
    assert_eq!(library.projects().unwrap(), []);
    ProjectLibrary::open(library.dir.clone()).unwrap();
    assert!(!left.exists());
    assert_eq!(files(&library), [""; 0]);
}

#[test]
fn opening_the_library_again_keeps_its_projects() {
    let (_dir, library) = library();
    export(&library, "a", b"[]\n");
    folder(&library, "b");
    let again = ProjectLibrary::open(library.dir.clone()).unwrap();
    assert_eq!(again.projects().unwrap().len(), 2);
}

#[test]
fn parallel_uploads_of_one_name_leave_one_complete_bundle() {
    let (_dir, library) = library();
    let texts: Vec<_> = (1..=8).map(|n| vec![b'x'; n * 10_000]).collect();
    let start = Barrier::new(texts.len());
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| {
                let bytes = bundle(text);
                start.wait();
                let mut upload = library.upload(&name("same")).unwrap();
                for piece in bytes.chunks(10) {
                    upload.write_all(piece).unwrap();
                }
                upload.finish().unwrap();
                let project = library.project(&name("same")).unwrap();
                assert!(texts.contains(&devices(&project).unwrap()));
            });
        }
    });
    assert_eq!(files(&library), ["same.zip"]);
}

#[test]
fn an_upload_over_the_limit_is_refused() {
    let (_dir, library) = library();
    let mut upload = library.upload(&name("long")).unwrap();
    upload.pretend_written(BUNDLE_BYTES_MAX - 3);
    upload.write_all(b"abc").unwrap();
    let error = upload.write_all(b"d").unwrap_err();
    assert!(matches!(LibraryError::from_io(Path::new("long.zip"), error), LibraryError::Long));
}

#[test]
fn an_enms_folder_is_a_project() {
    let (_dir, library) = library();
    let path = folder(&library, "examples");
    fs::create_dir(path.join("more")).unwrap();
    let project = library.project(&name("examples")).unwrap();
    assert_eq!(project.layout(), Layout::Folder);
    // YAML files come first.
    assert_eq!(project.ignored(), ["port.yaml", "more/"]);
    assert_eq!(devices(&project).unwrap(), b"- {name: a}\n");
    let [summary] = library.projects().unwrap().try_into().unwrap();
    assert_eq!(summary.release.unwrap().to_string(), "4.5");
    let device = summary.documents[Kind::Device];
    assert_eq!(device, Some(DocumentSummary { records: None, bytes: 12 }));
    assert_eq!((summary.bytes, summary.problem), (12, None));
    let error = library.file(&name("examples")).unwrap_err();
    assert!(matches!(error, LibraryError::FolderHasNoFile { .. }));

    fs::remove_file(path.join("metadata.yaml")).unwrap();
    let project = library.project(&name("examples")).unwrap();
    assert_eq!(project.metadata().release, None);
    fs::write(path.join("metadata.yaml"), "satchel: {format: 9}").unwrap();
    let error = library.project(&name("examples")).unwrap_err();
    assert_eq!(error.code(), "newer-format");
    fs::create_dir(library.dir.join("empty")).unwrap();
    let error = library.project(&name("empty")).unwrap_err();
    assert!(matches!(error, LibraryError::Bundle(BundleError::MetadataMissing { similar: None })));
    for name in ["DEVICE.YAML", "devices.yaml"] {
        fs::write(library.dir.join("empty").join(name), "[]").unwrap();
        let error = library.project(&self::name("empty")).unwrap_err();
        let text = crate::wording::chain(&error);
        assert!(text.ends_with(&format!("It has '{name}'. Did you mean 'device.yaml'?")), "{text}");
        fs::remove_file(library.dir.join("empty").join(name)).unwrap();
    }
}

#[test]
fn real_projects_are_listed() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("SATCHEL_FIXTURES").map(PathBuf::from);
    let beside = [root.join("../shared/fixtures"), root.join("../../shared/fixtures")];
    let Some(fixtures) = named.into_iter().chain(beside).find(|path| path.is_dir()) else {
        assert!(std::env::var_os("CI").is_none(), "the fixtures are missing");
        println!("skipped: there are no fixtures (SATCHEL_FIXTURES)");
        return;
    };
    let projects = list::projects(&fixtures.join("projects"), Limits::default()).unwrap();
    let names: Vec<_> = projects.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(names, ["default", "examples", "examples_exported_by_enms_4.6"]);
    for project in projects {
        assert_eq!(project.problem, None);
        assert!(project.release.is_some() && project.documents[Kind::Device].is_some());
    }
}

#[test]
fn links_are_not_followed() {
    let (dir, library) = library();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("device.yaml"), "secret").unwrap();
    let link = |error: LibraryError| match error {
        LibraryError::File { file, problem } => (file, problem),
        other => panic!("{other}"),
    };

    symlink(&outside, library.dir.join("linked")).unwrap();
    let error = library.project(&name("linked")).unwrap_err();
    assert_eq!(link(error), ("linked".to_owned(), FileProblem::Link));

    let path = folder(&library, "inner");
    fs::remove_file(path.join("device.yaml")).unwrap();
    symlink(outside.join("device.yaml"), path.join("device.yaml")).unwrap();
    let error = library.project(&name("inner")).unwrap_err();
    assert_eq!(link(error), ("device.yaml".to_owned(), FileProblem::Link));

    fs::write(dir.path().join("far.zip"), bundle(b"[]\n")).unwrap();
    symlink(dir.path().join("far.zip"), library.dir.join("near.zip")).unwrap();
    let error = library.project(&name("near")).unwrap_err();
    assert_eq!(link(error), ("near.zip".to_owned(), FileProblem::Link));
    assert!(matches!(library.file(&name("near")), Err(LibraryError::File { .. })));

    let listed = library.projects().unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|project| project.problem.is_some()), "{listed:?}");

    // Removing a link removes the link.
    for project in ["linked", "inner", "near"] {
        library.remove(&name(project)).unwrap();
    }
    assert!(outside.join("device.yaml").exists() && dir.path().join("far.zip").exists());
    assert_eq!(files(&library), [""; 0]);
}

#[test]
fn a_folder_that_changes_while_it_is_read_is_refused() {
    let (_dir, library) = library();
    let path = folder(&library, "a");
    let project = library.project(&name("a")).unwrap();
    let changed = |error: LibraryError| {
        matches!(error, LibraryError::File { problem: FileProblem::Changed, .. })
    };

    let mut document = project.document(Kind::Device).unwrap().unwrap();
    fs::write(path.join("device.yaml"), "- {name: longer}\n").unwrap();
    let error = document.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(changed(LibraryError::from_io(&path, error)));
    assert!(changed(devices(&project).unwrap_err()), "before it is opened");
    fs::write(path.join("device.yaml"), "- {name: b}\n").unwrap();
    let mut document = project.document(Kind::Device).unwrap().unwrap();
    fs::write(path.join("device.yaml"), "-").unwrap();
    assert!(changed(LibraryError::from_io(
        &path,
        document.read_to_end(&mut Vec::new()).unwrap_err()
    )));

    fs::rename(&path, library.dir.join("b")).unwrap();
    folder(&library, "a");
    assert!(changed(devices(&project).unwrap_err()), "another folder has the name");
    fs::remove_dir_all(&path).unwrap();
    assert!(changed(devices(&project).unwrap_err()));
}

#[test]
fn a_bundle_hides_the_folder_of_its_name() {
    let (_dir, library) = library();
    folder(&library, "both");
    export(&library, "both", b"[]\n");
    let project = library.project(&name("both")).unwrap();
    assert_eq!(
        project.warnings().last().unwrap(),
        "a folder and a bundle have this name; the bundle was read"
    );
    assert_eq!(project.layout(), Layout::Bundle);
    let [bundle, folder] = library.projects().unwrap().try_into().unwrap();
    assert_eq!((bundle.layout, bundle.problem), (Layout::Bundle, None));
    assert!(folder.layout == Layout::Folder && folder.problem.unwrap().contains("bundle"));
    library.remove(&name("both")).unwrap();
    assert_eq!(files(&library), [""; 0]);
    assert!(matches!(library.remove(&name("both")), Err(LibraryError::NotFound { .. })));
}

#[test]
fn a_project_name_may_end_in_zip() {
    let (_dir, library) = library();
    folder(&library, "a.zip");
    assert_eq!(library.project(&name("a.zip")).unwrap().layout(), Layout::Folder);
    assert!(matches!(library.project(&name("a")), Err(LibraryError::NotFound { .. })));
    assert!(matches!(library.remove(&name("a")), Err(LibraryError::NotFound { .. })));
    assert!(matches!(library.create(&name("a")), Err(LibraryError::InTheWay { .. })));
    assert!(matches!(library.upload(&name("a")), Err(LibraryError::InTheWay { .. })));
    export(&library, "a.zip", b"[]\n");
    assert_eq!(files(&library), ["a.zip", "a.zip.zip"]);

    export(&library, "b", b"[]\n");
    assert!(matches!(library.project(&name("b.zip")), Err(LibraryError::NotFound { .. })));
    assert!(matches!(library.remove(&name("b.zip")), Err(LibraryError::NotFound { .. })));

    // The folder is created while the bundle is being written.
    let late = write(library.create(&name("c")).unwrap(), b"[]\n");
    folder(&library, "c.zip");
    assert!(matches!(late.commit(), Err(LibraryError::InTheWay { .. })));
    assert_eq!(files(&library), ["a.zip", "a.zip.zip", "b.zip", "c.zip"]);
}

#[test]
fn broken_projects_are_listed_with_their_problem() {
    let (_dir, library) = library();
    fs::write(library.dir.join("broken.zip"), b"PK but not really").unwrap();
    fs::write(library.dir.join("Büro.zip"), bundle(b"[]\n")).unwrap();
    fs::write(library.dir.join("notes.txt"), b"mine").unwrap();
    fs::write(library.dir.join(".hidden.zip"), b"").unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(library.dir.join("pipe.zip")).status();
    let piped = pipe.is_ok_and(|status| status.success());
    export(&library, "good", b"[]\n");
    let listed = library.projects().unwrap();
    let problem = |name: &str| {
        let found = listed.iter().find(|project| project.name == name).unwrap();
        found.problem.clone().unwrap_or_default()
    };
    assert_eq!(listed.len(), 3 + usize::from(piped));
    assert!(problem("broken").contains("not a complete zip archive"), "{}", problem("broken"));
    assert!(problem("B\u{fc}ro").contains('\u{fc}'));
    assert_eq!(problem("good"), "");
    if piped {
        assert!(problem("pipe").contains("neither a file nor a folder"));
    }
}

#[test]
fn a_full_disk_has_its_own_error() {
    let of = |error: io::Error| LibraryError::from_io(Path::new("a.zip"), error);
    let full = of(io::Error::from_raw_os_error(libc::ENOSPC));
    assert!(matches!(full, LibraryError::DiskFull));
    let quota = of(io::Error::from_raw_os_error(libc::EDQUOT));
    assert!(matches!(quota, LibraryError::DiskFull));
    assert!(matches!(of(io::Error::from(full)), LibraryError::DiskFull));
    let other = of(io::Error::from_raw_os_error(libc::EIO));
    assert!(matches!(other, LibraryError::Io { .. }));
}
