"""Complete projects through Python's `requests`, compared with PyYAML by value and type."""
import contextlib
import datetime
import io
import math
import os
import pathlib
import re
import tempfile
import zipfile

import requests
import yaml

from satchel import KINDS, server

ADMIN = ("admin", "admin")


def call(method, url, path, status=200, **more):
    answer = requests.request(method, url + path, auth=ADMIN, timeout=120, **more)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def body(name, **more):
    return {"name": name, "import_export_types": KINDS, **more}


def same(a, b):
    """Whether two values are equal in type too: True is not 1, "22" is not 22."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


def read(text):
    # Tuples and dates need more than the safe loader. The documents are ours or the fixtures'.
    return yaml.load(text, Loader=yaml.UnsafeLoader)


def by_name(records):
    return {record["name"]: record for record in records}


def without(record, *properties):
    return {key: value for key, value in record.items() if key not in properties}


def documents(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert archive.testzip() is None
        texts = {name.rsplit("/", 1)[-1]: archive.read(name) for name in archive.namelist()}
    return {name.removesuffix(".yaml"): text for name, text in texts.items()}


def compare(folder, written):
    """Returns the differences between the imported and the exported documents, for every kind."""
    differences = []
    for kind in KINDS:
        path = folder / f"{kind}.yaml"
        old = by_name(read(path.read_bytes()) if path.exists() else [])
        new = by_name(read(written[kind]))
        # The server creates its first user; the project can have more properties of it.
        if kind == "user" and "admin" not in old:
            new.pop("admin")
        assert list(old) == [name for name in new if name in old], f"{kind}: another order"
        for name in old.keys() | new.keys():
            before, after = old.get(name), new.get(name)
            if before is None or after is None:
                differences.append((kind, name, "is only on one side"))
                continue
            for key in before.keys() | after.keys():
                if key not in before or key not in after or not same(before[key], after[key]):
                    differences.append((kind, name, key))
    return sorted(differences)


def round_trip(binary, folder, name):
    """Imports a folder, exports it, imports the bundle on another server, and exports it there."""
    with server(binary) as here:
        here.put_folder(folder, name)
        listed = call("GET", here.url, "/rest/migrate/projects").json()["projects"]
        assert name in [project["name"] for project in listed], listed
        import_ = body(name, empty_database_before_import=True)
        report = call("POST", here.url, "/rest/migrate/import", json=import_).json()
        assert report["outcome"] == "imported", report
        report = call("POST", here.url, "/rest/migrate/export", json=body("out")).json()
        assert {kind["type"] for kind in report["types"]} == set(KINDS), report
        bundle = call("GET", here.url, report["download"]).content
        assert len(bundle) == report["bytes"], report
    with server(binary) as there:
        call("PUT", there.url, "/rest/migrate/projects/in", 201, data=bundle)
        import_ = body("in", empty_database_before_import=True)
        call("POST", there.url, "/rest/migrate/import", json=import_)
        report = call("POST", there.url, "/rest/migrate/export", json=body("out")).json()
        again = documents(call("GET", there.url, report["download"]).content)
    written = documents(bundle)
    assert set(written) == {*KINDS, "metadata"}, set(written)
    for kind in KINDS:
        assert written[kind] == again[kind], f"{kind}: the second export differs"
    metadata = read(written["metadata"])
    assert isinstance(metadata["export_time"], datetime.datetime), metadata
    return written


def demo(binary, root, _):
    """The sample inventory is exported byte for byte, except for the user admin."""
    folder = root / "assets/demo"
    written = round_trip(binary, folder, "demo")
    assert compare(folder, written) == []
    for kind in KINDS:
        same_bytes = written[kind] == (folder / f"{kind}.yaml").read_bytes()
        assert same_bytes or kind == "user", f"{kind}: other bytes"


def started_with_demo(binary, root, _):
    """`serve --demo` contains the complete sample inventory."""
    with server(binary, "--demo") as here:
        call("POST", here.url, "/rest/migrate/export", json=body("out"))
        bundle = call("GET", here.url, "/rest/migrate/projects/out").content
        assert compare(root / "assets/demo", documents(bundle)) == []


def nightly_script(binary, root, _):
    """The Python script of the page on backups prints what the page shows."""
    text = (root / "assets/docs/backup.md").read_text()
    block = r"```python nightly.py\n(.*?)```\n\n```console\n\$ python3 nightly.py\n(.*?)```"
    script, printed = re.search(block, text, re.S).groups()
    assert "http://127.0.0.1:8080" in script
    before = pathlib.Path.cwd()
    with server(binary, "--demo") as here, tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        wanted = {"name": "nightly", "scope": "backup"}
        token = call("POST", here.url, "/rest/tokens", 201, json=wanted)
        os.environ["SATCHEL_TOKEN"] = token.json()["token"]
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                script = script.replace("http://127.0.0.1:8080", here.url)
                exec(compile(script, "nightly.py", "exec"), {})
            assert zipfile.ZipFile("nightly.zip").testzip() is None
        finally:
            del os.environ["SATCHEL_TOKEN"]
            os.chdir(before)
    # The size of a bundle can change by a few bytes with the version of the compression library.
    records = printed.split(",")[0]
    assert out.getvalue().startswith(records), out.getvalue()


def examples(binary, _, fixtures):
    """eNMS's example project: every value of 1,133 records."""
    folder = fixtures / "projects/examples"
    written = round_trip(binary, folder, "examples")
    assert sum(len(read(written[kind])) for kind in KINDS) == 1133
    assert compare(folder, written) == []


def exported_by_enms(binary, _, fixtures):
    """The same project after it went through eNMS 4.6."""
    folder = fixtures / "projects/examples_exported_by_enms_4.6"
    written = round_trip(binary, folder, "examples 4.6")
    assert compare(folder, written) == []


def manual(binary, root, _):
    """The script of the manual, unchanged except for the address."""
    script = (root / "tests/clients/manual_script.py").read_text()
    assert "'yourIP/" in script
    with server(binary) as here:
        here.put_folder(root / "assets/demo", "Backup")
        exec(compile(script.replace("yourIP", here.url), "manual_script.py", "exec"), {})
        # The script ignores the response, so the inventory is checked.
        call("POST", here.url, "/rest/migrate/export", json=body("out"))
        bundle = call("GET", here.url, "/rest/migrate/projects/out").content
        assert compare(root / "assets/demo", documents(bundle)) == []


CHECKS = [manual, nightly_script, demo, started_with_demo]
CHECKS_OF_FIXTURES = [examples, exported_by_enms]
