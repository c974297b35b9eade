"""Reads each document of a folder with PyYAML and dumps it in PyYAML's styles.

NAME.yaml is ours. Its dump with default_style='"' must be the same bytes; the other dumps are left
beside it as NAME.STYLE for our reader. Names of documents that differ are printed.
"""
import pathlib
import sys

import yaml

STYLES = {
    "quoted": {"default_style": '"'},
    "default": {},
    "flow": {"default_flow_style": True},
    "mixed": {"default_flow_style": None, "allow_unicode": True, "width": 40},
    "single": {"default_style": "'", "allow_unicode": True},
    "literal": {"default_style": "|", "allow_unicode": True},
    "folded": {"default_style": ">", "indent": 4},
    "explicit": {"explicit_start": True, "explicit_end": True, "version": (1, 1)},
    "windows": {"line_break": "\r\n"},
    "canonical": {"canonical": True},
}

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.yaml")):
    text = path.read_bytes().decode()
    try:
        value = yaml.load(text, Loader=yaml.UnsafeLoader)
    except Exception as error:
        print(path.name, "not read:", error)
        continue
    for style, options in STYLES.items():
        dumped = yaml.dump(value, **options)
        if style == "quoted" and dumped != text:
            print(path.name, "dumped otherwise")
        # Some styles lose something on the way (a carriage return in a literal, for one); what
        # PyYAML cannot read back itself is no measure.
        try:
            again = yaml.load(dumped.encode(), Loader=yaml.UnsafeLoader)
            faithful = yaml.dump(again, default_style='"') == text
        except Exception:
            faithful = False
        if faithful:
            path.with_suffix("." + style).write_bytes(dumped.encode())
