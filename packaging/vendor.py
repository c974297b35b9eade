#!/usr/bin/env python3
"""The libraries in assets/console/vendor/, which the web console loads as their authors published them.

    packaging/vendor.py            fetches the packages that VENDOR.toml names, writes the files, their
                                   licences and their hashes
    packaging/vendor.py --check    fails if a file differs from the package in the registry

Needs npm. A build never runs this: the files lie in the repository.
"""

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "assets/console/vendor"
LIST = VENDOR / "VENDOR.toml"


def package(name, version):
    """Returns the files of a package in the registry, by their paths."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{name}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.PIPE)
        (path,) = Path(folder).iterdir()
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            return {m.name.removeprefix("package/"): archive.extractfile(m).read() for m in members}


def adapted(text, imports):
    """Names imported modules by their files, as a page without a bundler needs it, and removes the
    address of the source map, which is not in the repository."""
    for module, file in imports.items():
        text = re.sub(rf'from\s?"{re.escape(module)}"', f'from"./{file}"', text)
    return re.sub(r"\n?//# sourceMappingURL=.*\n?", "\n", text)


def sprite(files, names):
    """Puts icons into one file, each as a symbol with its name."""
    symbols = []
    for name in names:
        svg = files[f"icons/{name}.svg"].decode()
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL).group(1).split("\n")
        shapes = "".join(line.strip() for line in shapes).replace(" />", "/>")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>\n')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "".join(symbols) + "</svg>\n"


def made(library):
    """Returns the file and the licence of a library, made from its package."""
    files = package(library["package"], library["version"])
    if "icons" in library:
        content = sprite(files, library["icons"])
    else:
        content = adapted(files[library["path"]].decode(), library.get("imports", {}))
    return content.encode(), files["LICENSE"]


def main():
    check = sys.argv[1:] == ["--check"]
    text = LIST.read_text()
    wrong = []
    for library in tomllib.loads(text)["library"]:
        content, licence = made(library)
        for name, expected in [(library["file"], content), (library["licence_file"], licence)]:
            if check and (VENDOR / name).read_bytes() != expected:
                wrong.append(f"{name} differs from {library['package']} {library['version']}")
            if not check:
                (VENDOR / name).write_bytes(expected)
        digest = hashlib.sha256(content).hexdigest()
        text = re.sub(
            rf'(file = "{re.escape(library["file"])}"\n(?:.*\n)*?sha256 = ")[^"]*', rf"\g<1>{digest}", text, count=1
        )
    if check and text != LIST.read_text():
        wrong.append("VENDOR.toml has another hash than a package")
    if not check:
        LIST.write_text(text)
    sys.exit("\n".join(wrong) or None)


main()
