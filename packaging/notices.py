#!/usr/bin/env python3
"""Writes assets/licenses/third-party.txt: every crate that is linked into the executable, and every
library of the web console, with the text of its licence. Equal texts stand there once.

    packaging/notices.py            writes the file
    packaging/notices.py --check    fails if the file is not up to date
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "assets/licenses/third-party.txt"
# The libraries of the web console, and the list of them.
VENDOR = ROOT / "assets/console/vendor"
TARGET = "x86_64-unknown-linux-gnu"
# The file names under which crates keep licences and notices.
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
# C sources that come with a crate, and the path of their licence in the crate.
INSIDE = {"tikv-jemalloc-sys": ["jemalloc/COPYING"]}
RULE = "=" * 100


def metadata():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def linked(found):
    """Returns the packages that the executable contains: the normal dependencies without procedural
    macros, which run in the compiler."""
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    macros = {
        id for id, package in packages.items()
        if any("proc-macro" in target["kind"] for target in package["targets"])
    }
    root = found["resolve"]["root"]
    seen, waiting = {root}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in seen | macros:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    seen.remove(root)
    return sorted((packages[id] for id in seen), key=lambda package: (package["name"], package["version"]))


def vendored():
    """Returns the packages of the libraries that the web console loads."""
    packages = {}
    for library in tomllib.loads((VENDOR / "VENDOR.toml").read_text())["library"]:
        name = library["package"]
        packages[name] = {
            "name": name,
            "version": library["version"],
            "license": library["licence"],
            "repository": f"npm:{name}, in the web console",
            "texts": [(VENDOR / library["licence_file"]).read_text()],
        }
    return sorted(packages.values(), key=lambda package: package["name"])


def texts(package):
    if "texts" in package:
        yield from (text.strip("\n") for text in package["texts"])
        return
    folder = Path(package["manifest_path"]).parent
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and LICENCE_FILE.match(file.name)]
    files += [folder / inside for inside in INSIDE.get(package["name"], [])]
    if package["license_file"] and folder / package["license_file"] not in files:
        files.append(folder / package["license_file"])
    for file in files:
        lines = file.read_text("utf-8", "replace").replace("\r\n", "\n").replace("\f", "").split("\n")
        yield "\n".join(line.rstrip() for line in lines).strip("\n")


def render(packages):
    by_text, words = defaultdict(list), {}
    without = []
    for package in packages:
        label = f'{package["name"]} {package["version"]}'
        found = list(texts(package))
        if not found:
            without.append(label)
        for text in found:
            # Texts that differ only in white space are one licence.
            key = " ".join(text.split())
            words.setdefault(key, text)
            by_text[key].append(label)
    out = [
        "Third-party notices",
        "",
        f"The libraries that are linked into Satchel for {TARGET}, in the versions of Cargo.lock,",
        "and the libraries of its web console.",
        "Written by packaging/notices.py; the texts of their licences follow the list.",
        "Beside them, the executable holds parts of Rust's standard library (MIT OR Apache-2.0) and of the",
        "GNU C library (LGPL-2.1-or-later; its source is Debian's package glibc). Satchel's own source",
        "is open, so anyone can link it again with another version of either: packaging/build-static.sh.",
        "",
    ]
    for package in packages:
        licence = package["license"] or "see its file below"
        origin = package["repository"] or ", ".join(package["authors"])
        out.append(f'{package["name"]} {package["version"]} | {licence} | {origin}')
    if without:
        out += ["", "These carry no text of their own; the terms are those named in the list, as below:", ", ".join(without)]
    for key, labels in sorted(by_text.items(), key=lambda entry: (-len(entry[1]), entry[1])):
        out += ["", RULE, ", ".join(sorted(set(labels))), RULE, "", words[key]]
    return "\n".join(out) + "\n"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    packages = linked(metadata()) + vendored()
    text = render(packages)
    if not sys.argv[1:]:
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(text)
        print(f"{OUT.relative_to(ROOT)}: {len(packages)} libraries, {len(text.encode())} bytes")
    elif not OUT.is_file() or OUT.read_text() != text:
        sys.exit(f"notices: {OUT.relative_to(ROOT)} is not that of Cargo.lock; run packaging/notices.py")


main()
