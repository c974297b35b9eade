"""A spreadsheet as people keep it, built with openpyxl and imported in one command with a mapping."""
import json
import os
import pathlib
import subprocess
import tempfile

import openpyxl
import requests
from openpyxl.styles import Font

from satchel import server

ADMIN = ("admin", "admin")
SHEET = "Geräte R 1% é>b"
HEADINGS = ["Gerätename", "IP-Adresse", "Hersteller", "Modell", "Standort", "Seriennummer",
            "Passwort", "Ports", "Inbetriebnahme", "Bemerkung"]
MAPPING = ("Gerätename=name,IP-Adresse=ip_address,Hersteller=vendor,Modell=model,Standort=location,"
           "Seriennummer=serial_number,Ports=ports,Inbetriebnahme=commissioned,Bemerkung=description")
SITES = ["Bonn", "Köln", "R 1%", "é>b"]
FIRST_ROW = 6


def switches():
    """The records of the table in the order of its rows, as the inventory must show them."""
    for number in range(40):
        yield {
            "name": f"SW-{number:02}",
            "ip_address": f"192.0.2.{number + 1}",
            "vendor": ["Nokia", "Cisco"][number % 2],
            "model": ["7220 IXR-D2", "C9300-48P"][number % 2],
            "location": SITES[number // 10],
            "serial_number": f"00{number:06}",
            "ports": 48,
            "commissioned": f"2024-03-{number % 28 + 1:02}",
            "description": "=kein Ersatzteil" if number == 7 else "",
        }


def workbook(path):
    """Writes the workbook. Returns the addresses of the names of two duplicates."""
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Hinweise"
    first["A1"], first["A2"] = "Name", "Diese Liste pflegt Eva."
    sheet = book.create_sheet(SHEET)
    sheet.merge_cells("A1:J1")
    sheet["A1"] = "Switches – Stand März 2024"
    sheet["A1"].font = Font(bold=True, size=16)
    sheet["A2"], sheet["B2"] = "Ansprechpartner", "Eva, Tel. 0228 1234"
    sheet["A3"], sheet["B3"] = "Name:", "Netzbetrieb"
    for column, heading in enumerate(HEADINGS, 1):
        sheet.cell(FIRST_ROW - 1, column, heading)
    for number, record in enumerate(switches()):
        row = FIRST_ROW + number
        # A no-break space looks like a blank, as in texts from web pages.
        blanks = ["", " ", "\u00a0"][number % 3]
        values = [blanks + record["name"] + " ", record["ip_address"] + "/24", record["vendor"],
                  record["model"], record["location"] if number % 10 == 0 else None,
                  record["serial_number"], "geheim", 48, None, None]
        for column, value in enumerate(values, 1):
            sheet.cell(row, column, value)
        sheet.cell(row, 9, record["commissioned"]).number_format = "@"
        if record["description"]:
            sheet.cell(row, 10, record["description"]).data_type = "s"
    for site in range(4):
        start = FIRST_ROW + 10 * site
        sheet.merge_cells(start_row=start, end_row=start + 9, start_column=5, end_column=5)
    duplicates = []
    for row, name in [(46, "SW-03"), (47, " SW-12")]:
        sheet.cell(row, 1, name)
        sheet.cell(row, 3, "Huawei")
        duplicates.append((f"A{row}", name.strip()))
    sheet["A48"], sheet["H48"] = "Summe:", "=SUM(H6:H47)"
    sheet["A50"] = "Bei Fragen: Eva"
    book.save(path)
    return duplicates


def run(binary, url, arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SATCHEL_")}
    environment |= {"SATCHEL_SERVER": url, "SATCHEL_USER": "admin", "SATCHEL_PASSWORD": "admin",
                    "SATCHEL_CONFIG": ""}
    return subprocess.run([binary, *arguments], env=environment, capture_output=True, text=True)


def devices(url):
    answer = requests.get(url + "/rest/instance/device", auth=ADMIN, timeout=60)
    return {device["name"]: device for device in answer.json()}


def messy(binary, *_):
    """A messy spreadsheet is imported in one command with a mapping, right to the cell."""
    with server(binary) as here, tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "Switches Bonn.xlsx"
        duplicates = workbook(path)
        command = ["import", path, "--kind", "device", "--sheet", SHEET, "--map", MAPPING]
        # Duplicates are errors with their cells, and nothing is imported.
        refused = run(binary, here.url, command)
        assert refused.returncode == 1, refused
        assert devices(here.url) == {}, "nothing is imported"
        for cell, name in duplicates:
            assert f"{SHEET}!{cell}" in refused.stdout and name in refused.stdout, refused.stdout
        # In one command all other rows are right.
        done = run(binary, here.url, [*command, "--skip-errors", "--json"])
        report = json.loads(done.stdout)
        assert (report["outcome"], done.returncode) == ("imported_in_part", 1), report
        found = devices(here.url)
        records = list(switches())
        assert list(sorted(found)) == [record["name"] for record in records], sorted(found)
        defaults = requests.get(here.url + "/rest/openapi.json", auth=ADMIN, timeout=60).json()
        defaults = defaults["components"]["schemas"]["device"]["properties"]
        for record in records:
            device = found[record["name"]]
            assert {key: device.get(key, "") for key in record} == record, device
            for key in set(device) - set(record) - {"creator", "last_modified", "last_modified_by", "pools"}:
                assert device[key] == defaults[key].get("default", device[key]), (key, device)
            assert "geheim" not in str(device), device
        rejected = {
            (place["cell"], place["record"])
            for problem in report["problems"]["shown"] for place in problem["places"]
        }
        assert rejected == {(f"{SHEET}!{cell}", name) for cell, name in duplicates}, rejected
        said = "\n".join(report["warnings"])
        for part in [
            "the headings are in row 5. 3 rows above the headings were not read",
            "4 ranges of merged cells gave their values to 36 empty cells",
            "'/24' was removed from 40 addresses",
            "blanks around 41 names were removed",
            "sums were left out: row 48 ('Summe:')",
            "notes below the table were left out: row 50 ('Bei Fragen: Eva')",
            f"column 'Passwort' of sheet '{SHEET}' was ignored",
            "sheet 'Hinweise' was ignored",
        ]:
            assert part in said, (part, said)
        # The same command again changes nothing.
        again = json.loads(run(binary, here.url, [*command, "--skip-errors", "--json"]).stdout)
        assert [one["unchanged"] for one in again["types"] if one["type"] == "device"] == [40], again


CHECKS = [messy]
