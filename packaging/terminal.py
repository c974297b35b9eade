#!/usr/bin/env python3
"""Draws the terminal session of the README: packaging/terminal.py [EXECUTABLE]

Runs each command with the executable (target/release/satchel, where none is named) beside a server
with sample data, and writes their output into assets/terminal.svg. The picture is one SVG file
without scripts, fonts or links; the lines appear one after the other by a CSS animation, and all of
them are shown to readers who prefer reduced motion.
"""

import html
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "assets" / "terminal.svg"

# The address that the picture shows instead of the address of the test server.
ADDRESS = "http://127.0.0.1:8080"

TABLE = """name,vendor,port
Faro 1,Nokia,22
Faro 2,Nokia,many
"""

# A command, and the number of its output lines to show. "…" stands for further lines.
SESSION = [
    ("satchel serve --demo &", 1),
    ("satchel export nightly --output nightly.zip", 7),
    ("cat sites.csv", 4),
    ("satchel import sites.csv --kind device", 9),
    ("sed -i 's/many/22/' sites.csv", 0),
    ("satchel import sites.csv --kind device --dry-run", 1),
    ("satchel import sites.csv --kind device", 1),
    ("satchel undo --yes", 1),
]

COLUMNS = 104
LINE_PIXELS = 19
CHARACTER_PIXELS = 8.43
MARGIN_PIXELS = 16
COMMAND_SECONDS = 1.2
LINE_SECONDS = 0.08


def start(executable, folder):
    """Starts the server; returns it and its address."""
    server = subprocess.Popen(
        [executable, "serve", "--demo", "--listen", "127.0.0.1:0", "--log", "off"],
        cwd=folder, stdout=subprocess.PIPE, text=True)
    said = server.stdout.readline()
    if "http://" not in said:
        sys.exit(f"the server did not start: {said}")
    return server, said.split()[-1]


def run(command, folder, environment):
    """Returns the lines that a command prints on standard output."""
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.rstrip("\n").split("\n") if done.stdout else []


def record(executable):
    """Returns the lines of the session: for each, True if it is a command, and its text."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        commands = Path(folder, "bin")
        commands.mkdir()
        commands.joinpath("satchel").symlink_to(executable)
        Path(folder, "sites.csv").write_text(TABLE)
        server, address = start(executable, folder)
        environment = {
            "PATH": f"{commands}:{os.environ['PATH']}", "HOME": folder, "LC_ALL": "C.UTF-8",
            "COLUMNS": str(COLUMNS), "SATCHEL_SERVER": address, "SATCHEL_USER": "admin",
            "SATCHEL_PASSWORD": "admin", "SATCHEL_CONFIG": "",
        }
        try:
            for command, shown in SESSION:
                lines.append((True, command))
                if command.endswith("&"):
                    lines.append((False, f"satchel is listening on {ADDRESS}"))
                    continue
                printed = run(command, folder, environment)
                if shown and not printed:
                    sys.exit(f"printed nothing: {command}")
                kept = printed[:shown]
                lines += [(False, line.replace(address, ADDRESS)) for line in kept]
                if len(printed) > shown > 1 and printed[shown:]:
                    lines.append((False, "…"))
        finally:
            server.terminate()
            server.wait()
    return lines


def wrapped(line):
    """Cuts a line that is wider than the terminal, as a terminal does."""
    return [line[at:at + COLUMNS] for at in range(0, max(len(line), 1), COLUMNS)]


def draw(lines):
    """Returns the session as SVG."""
    rows = [(command and at == 0, part)
            for command, line in lines
            for at, part in enumerate(wrapped(("$ " if command else "") + line))]
    width = round(COLUMNS * CHARACTER_PIXELS + 2 * MARGIN_PIXELS)
    height = len(rows) * LINE_PIXELS + 2 * MARGIN_PIXELS
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        "<title>A terminal session with Satchel</title>",
        "<style>",
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d5dbe3;"
        "white-space:pre;animation:show .01s both}",
        ".c{fill:#8fd6a8;font-weight:600}",
        "@keyframes show{from{opacity:0}to{opacity:1}}",
        "@media(prefers-reduced-motion:reduce){text{animation:none}}",
        "</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#14181f"/>',
    ]
    seconds = 0.0
    for number, (command, text) in enumerate(rows):
        seconds += COMMAND_SECONDS if command else LINE_SECONDS
        y = MARGIN_PIXELS + (number + 1) * LINE_PIXELS - 5
        look = ' class="c"' if command else ""
        out.append(f'<text x="{MARGIN_PIXELS}" y="{y}"{look} xml:space="preserve" '
                   f'style="animation-delay:{seconds:.2f}s">{html.escape(text)}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    named = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "release" / "satchel"
    PICTURE.write_text(draw(record(Path(named).resolve())))
    print(PICTURE)


if __name__ == "__main__":
    main()
