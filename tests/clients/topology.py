"""Workbooks through Python's `requests`, read with xlrd and openpyxl, compared with the inventory."""
import ast
import base64
import contextlib
import datetime
import functools
import io
import os
import pathlib
import subprocess
import tempfile
from urllib.parse import quote

import openpyxl
import requests
import xlrd
from openpyxl.utils.escape import unescape

import enms_rules
from satchel import server

ADMIN = ("admin", "admin")

SHEETS = ["device", "link"]
RELATIONS = ["device relations", "link relations"]

# What an instance shows and no sheet has: it is worked out from other records, or is there under
# another name (a link's ends are source_name and destination_name).
ELSEWHERE = {"device": {"links", "pools"}, "link": {"pools", "source", "destination"}}

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def call(method, url, path, status=200, **more):
    answer = requests.request(method, url + path, auth=ADMIN, timeout=120, **more)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def instances(url, kind):
    return call("GET", url, f"/rest/instance/{kind}").json()


def exported(url, name):
    """Exports, and returns the workbook's bytes."""
    report = call("POST", url, "/rest/topology/export", json={"name": name}).json()
    workbook = call("GET", url, report["download"]).content
    assert len(workbook) == report["bytes"], report
    names = [one["name"] for one in call("GET", url, "/rest/topology/workbooks").json()["workbooks"]]
    assert report["workbook"] in names, names
    return workbook


@contextlib.contextmanager
def beside(workbook, name="project_name.xls"):
    """A working folder with the workbook."""
    before = pathlib.Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / name).write_bytes(workbook)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def xls_cell(cell, book):
    match cell.ctype:
        case xlrd.XL_CELL_EMPTY | xlrd.XL_CELL_BLANK:
            return None
        case xlrd.XL_CELL_BOOLEAN:
            return bool(cell.value)
        case xlrd.XL_CELL_DATE:
            return xlrd.xldate.xldate_as_datetime(cell.value, book.datemode)
        case xlrd.XL_CELL_TEXT | xlrd.XL_CELL_NUMBER:
            return cell.value
        case other:
            raise AssertionError(f"a cell of the type {other}")


def read_xls(workbook):
    book = xlrd.open_workbook(file_contents=workbook)
    return {
        sheet.name: [[xls_cell(cell, book) for cell in row] for row in sheet.get_rows()]
        for sheet in book.sheets()
    }


def xlsx_cell(cell):
    # openpyxl does not decode the escapes of characters that XML cannot contain.
    return unescape(cell.value) if isinstance(cell.value, str) else cell.value


def read_xlsx(workbook):
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    for sheet in book.worksheets:
        assert sheet.freeze_panes == "A2", sheet.freeze_panes
        assert sheet.auto_filter.ref, sheet.title
        assert all(cell.font.bold for cell in sheet[1]), sheet.title
    return {
        sheet.title: [[xlsx_cell(cell) for cell in row] for row in sheet.iter_rows()]
        for sheet in book.worksheets
    }


def spelled(text):
    """Parses a text as a Python literal, or as one of Satchel's own forms."""
    # JSON has no number that large, and shows its text.
    for name, made in [("float", float), ("int", str), ("datetime", str)]:
        if text.startswith(name + "("):
            return made(ast.literal_eval(text[len(name) + 1:-1]))
    return ast.literal_eval(text)


def as_json(value):
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ")
    return value


def says(cell, shown, default):
    """Whether a cell has the value and type that the inventory shows. An empty cell matches an absent value."""
    if cell is None:
        return shown == default or shown in (None, "", [])
    if isinstance(cell, bool) or isinstance(shown, bool):
        return cell is shown
    if isinstance(shown, str):
        if as_json(cell) == shown:
            return True
        beginnings = ('"', "'", "b'", 'b"', "int(", "float(", "datetime(")
        return str(cell).startswith(beginnings) and as_json(spelled(cell)) == shown
    if shown is None:
        return cell == "None"
    return as_json(spelled(cell) if isinstance(cell, str) else cell) == shown


def joined(sheets):
    """The sheets of kinds, each with the columns and values of its sheet of relations."""
    assert list(sheets) == SHEETS + [name for name in RELATIONS if name in sheets], list(sheets)
    result = {}
    for kind, relations in zip(SHEETS, RELATIONS):
        headings, *rows = sheets[kind]
        other_headings, *other_rows = sheets.get(relations, [["name"]])
        others = {row[0]: dict(zip(other_headings, row)) for row in other_rows}
        added = [name for name in other_headings if name not in [*headings, "absent properties"]]
        table = [[*headings, *added]]
        for row in rows:
            cells = {**dict.fromkeys(table[0]), **dict(zip(headings, row))}
            found = others.pop(row[0], {})
            cells.update((name, cell) for name, cell in found.items() if cell is not None)
            table.append([cells[name] for name in table[0]])
        assert not others, others
        result[kind] = table
    return result


def compare(url, sheets):
    """Compares every cell with the inventory, and finds properties without a cell."""
    sheets = joined(sheets)
    cells = 0
    schemas = call("GET", url, "/rest/openapi.json").json()["components"]["schemas"]
    for kind, (columns, *rows) in sheets.items():
        assert columns[0] == "name" and len(set(columns)) == len(columns), columns
        properties = schemas[kind]["properties"]
        shown = {record["name"]: record for record in instances(url, kind)}
        assert sorted(row[0] for row in rows) == sorted(shown), kind
        for row in rows:
            record = shown[row[0]]
            for column, cell in zip(columns, row):
                found = record.get(column)
                default = properties.get(column, {}).get("default")
                assert says(cell, found, default), (kind, record["name"], column, cell, found)
                cells += 1
            left = {
                name for name, value in record.items()
                if value not in (None, "", []) and value != properties.get(name, {}).get("default")
            }
            missing = left - set(columns) - ELSEWHERE[kind]
            assert not missing, (kind, record["name"], missing)
    return cells


def manual(binary, root, _):
    """The topology script of the manual, unchanged except for the address. It sends no `replace`."""
    script = (root / "tests/clients/manual_topology_script.py").read_text()
    assert "'https://IP/" in script
    with server(binary, "--demo") as here, server(binary, "--demo") as there:
        workbook = exported(here.url, "project_name.xls")
        devices, links = (instances(here.url, kind) for kind in SHEETS)
        # One device was added, one changed, one removed.
        call("POST", there.url, "/rest/instance/device",
             json=[{"name": "R 1%"}, {"name": devices[0]["name"], "port": 1, "model": "x"}])
        call("DELETE", there.url, "/rest/instance/link/" + quote(links[-1]["name"], safe=""))
        with beside(workbook):
            exec(compile(script.replace("https://IP", there.url), "script.py", "exec"), {})
        # The script ignores the response, so the inventory is checked.
        names = [device["name"] for device in instances(there.url, "device")]
        assert sorted(names) == sorted([*(device["name"] for device in devices), "R 1%"]), names
        call("DELETE", there.url, "/rest/instance/device/R%201%25")
        assert compare(there.url, read_xls(workbook)) > 500
        # The response names the missing option and how to send it.
        with beside(workbook), open("project_name.xls", "rb") as file:
            answer = call("POST", there.url, "/rest/topology/import",
                          json={"replace": True}, files={"file": file}).json()
        assert "data={'replace': True}" in answer["warnings"][0], answer


def with_replace(binary, *_):
    """The same with `data={'replace': True}` empties devices and links first."""
    with server(binary, "--demo") as here, server(binary, "--demo") as there:
        workbook = exported(here.url, "project_name")
        call("POST", there.url, "/rest/instance/device", json={"name": "R 1%"})
        with beside(workbook), open("project_name.xls", "rb") as file:
            answer = call("POST", there.url, "/rest/topology/import",
                          data={"replace": True}, files={"file": file}).json()
        assert answer["outcome"] == "imported" and answer["warnings"] == [], answer
        call("GET", there.url, "/rest/instance/device/R%201%25", 404)
        assert compare(there.url, read_xls(workbook)) > 500
        assert exported(there.url, "project_name.xls") == workbook


def every_cell(binary, *_):
    """Every cell of both formats, read by xlrd and openpyxl, equals the inventory."""
    with server(binary, "--demo") as here:
        texts = ["=1+1", "+1", "-1", "@a", "1.2E+10", "None", "True", "22", "[1, 2]", "é>b 😀", " x "]
        call("POST", here.url, "/rest/instance/device", json=[
            {"name": f"cell {number}", "description": text, "odd": text, "port": 65535 - number}
            for number, text in enumerate(texts)
        ])
        values = [22, 22.5, 1.0, True, None, [], [1, [2, "3"]], {"a": {"b": [None, False]}}, ""]
        call("POST", here.url, "/rest/instance/device", json=[
            {"name": f"value {number}", "odd": value} for number, value in enumerate(values)
        ])
        xls = read_xls(exported(here.url, "a.xls"))
        xlsx = read_xlsx(exported(here.url, "a.xlsx"))
        assert compare(here.url, xls) == compare(here.url, xlsx)
        assert xls == xlsx
        # In the response of the export, without a second call.
        answer = call("POST", here.url, "/rest/topology/export", json={"export_filename": "b.xlsx"},
                      headers={"Accept": XLSX})
        assert answer.headers["Content-Type"] == XLSX
        assert read_xlsx(answer.content) == xlsx


def mended(binary, *_):
    """A rejected workbook is returned with its problems, corrected, and accepted."""
    with server(binary) as here:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "device"
        for row in [["Name ", "port", "ip_adress"], ["R 1%", 22.0, "10.0.0.1"], ["[x]", "many", None]]:
            sheet.append(row)
        file = io.BytesIO()
        book.save(file)
        url = "/rest/topology/import"
        problem = call("POST", here.url, url, 422, files={"file": ("mine.xlsx", file.getvalue())},
                       data={"replace": "False"}).json()
        assert problem["errors"][0]["cell"] == "device!B3", problem
        assert "ip_address" in str(problem), problem
        assert instances(here.url, "device") == []
        back = call("GET", here.url, problem["report"], headers={"Accept": XLSX})
        assert back.headers["Content-Type"] == XLSX, back.headers
        book = openpyxl.load_workbook(io.BytesIO(back.content))
        sheet = book["device"]
        said = [str(cell.value) for cell in sheet[3] if cell.value is not None]
        assert any("B3" in text and "integer" in text for text in said), said
        sheet["B3"] = 830
        file = io.BytesIO()
        book.save(file)
        report = call("POST", here.url, url, files={"file": ("mine.xlsx", file.getvalue())},
                      data={"replace": "False"}).json()
        assert report["outcome"] == "imported", report
        devices = {device["name"]: device for device in instances(here.url, "device")}
        assert devices["[x]"]["port"] == 830 and devices["R 1%"]["ip_adress"] == "10.0.0.1", devices


def template(binary, *_):
    """A template is opened and filled in with openpyxl; the import leaves out its example."""
    with server(binary) as here:
        call("POST", here.url, "/rest/instance/device", json={"name": "old", "Höheneinheit R 1%": 7})
        answer = call("POST", here.url, "/rest/topology/export",
                      json={"name": "devices.xlsx", "template": True}, headers={"Accept": XLSX})
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        assert book.sheetnames == SHEETS, book.sheetnames
        for sheet in book.worksheets:
            assert all(cell.comment and len(cell.comment.text) > 20 for cell in sheet[1]), sheet.title
            assert sheet.max_row == 2 and sheet["A2"].value == "EXAMPLE (not imported)"
        sheet = book["device"]
        columns = {cell.value: cell.column_letter for cell in sheet[1]}
        properties = call("GET", here.url, "/rest/openapi.json").json()["components"]["schemas"]["device"]
        computed = {"configuration", "links", "operational_data", "pools"}
        assert set(properties["properties"]) - computed <= set(columns), columns
        assert "Höheneinheit R 1%" in columns
        rules = {
            str(rule.sqref).split(":")[0]: rule
            for rule in sheet.data_validations.dataValidation
        }
        rule = {heading: rules.get(f"{letter}2") for heading, letter in columns.items()}
        assert rule["reachable"].formula1 == '"TRUE,FALSE"' and rule["reachable"].errorStyle in (None, "stop")
        assert "gateway" in rule["type"].formula1 and rule["type"].errorStyle == "information"
        assert "junos" in rule["napalm_driver"].formula1 and rule["vendor"] is None
        assert rule["port"].type == "whole"
        assert sheet.column_dimensions[columns["port"]].number_format == "0"
        assert sheet.column_dimensions[columns["serial_number"]].number_format == "@"
        # The example is left out as it is.
        url = "/rest/topology/import"
        report = call("POST", here.url, url, files={"file": ("a.xlsx", answer.content)},
                      data={"replace": "false"}).json()
        assert [one["total"] for one in report["types"]] == [1, 0], report
        assert any("'device': the example of the template was left out: row 2" in text
                   for text in report["warnings"]), report["warnings"]
        # Rows below it, and a row over it.
        rows = [
            {"name": "R 1%", "port": 830, "reachable": True, "serial_number": "0012", "type": "gateway",
             "Höheneinheit R 1%": 42},
            {"name": "é>b", "ip_address": "2001:db8::1", "gateways": "['R 1%']"},
        ]
        for number, row in enumerate(rows, 3):
            for heading, value in row.items():
                sheet[f"{columns[heading]}{number}"] = value
        for row, name in [(2, "R 1%>é>b"), (3, "b>a")]:
            for column, value in enumerate([name, "R 1%", "é>b"], 1):
                book["link"].cell(row, column, value)
        file = io.BytesIO()
        book.save(file)
        report = call("POST", here.url, url, files={"file": ("a.xlsx", file.getvalue())},
                      data={"replace": "false"}).json()
        devices = {device["name"]: device for device in instances(here.url, "device")}
        assert set(devices) == {"old", "R 1%", "é>b"}, devices
        for row in rows:
            found = devices[row["name"]]
            expected = {**row, "gateways": ["R 1%"]} if "gateways" in row else row
            assert {key: found[key] for key in expected} == expected, found
        links = {link["name"]: (link["source"], link["destination"]) for link in instances(here.url, "link")}
        assert links == {"R 1%>é>b": ("R 1%", "é>b"), "b>a": ("R 1%", "é>b")}, links
        # Values that were left of the example in the row over it.
        assert any("'link': cells still have the value of the template's example: E2" in text
                   for text in report["warnings"]), report["warnings"]


def as_enms_imports(binary, *_):
    """By eNMS's rules, every device of an exported .xls, and every link of two devices, is imported."""
    with server(binary, "--demo") as here:
        call("POST", here.url, "/rest/instance/device", json=[
            {"name": "gw", "type": "gateway", "height": 2},
            {"name": "bare", "icon": None, "port": None, "gateways": ["gw"], "owners": ["admin"],
             "positions": {"n": [1, 2]}, "tags": ["a"], "notes": {"a": 1}, "rack": "R1"},
        ])
        custom = {"device": {"height": int, "rack": str}}
        workbook = exported(here.url, "a.xls")
        accepted, refused = enms_rules.imported(workbook, custom, ["tags", "notes"])
        # Their ends are a network, and nothing.
        assert sorted(name for _, name, _ in refused) == ["Dark fibre, Porto", "Madrid -> Internet"]
        for kind in SHEETS:
            shown = {record["name"]: record for record in instances(here.url, kind)}
            left_out = {name for of, name, _ in refused if of == kind}
            assert set(accepted[kind]) == set(shown) - left_out, kind
            for name, values in accepted[kind].items():
                for column, value in values.items():
                    column = {"source_name": "source", "destination_name": "destination"}.get(column, column)
                    found = shown[name].get(column)
                    defaults = {"port": 22, "icon": "router"}
                    expected = defaults.get(column) if found is None else found
                    assert value == (expected or type(value)()), (name, column, value, found)


def examples_as_enms_imports(binary, root, fixtures):
    """The same of eNMS's example project: all 91 devices, and the links that have two ends."""
    folder = fixtures / "projects" / "examples_exported_by_enms_4.6"
    with tempfile.TemporaryDirectory() as data:
        run = functools.partial(subprocess.run, check=True, capture_output=True)
        run([binary, "import", folder, "--create", "--data", data + "/x"])
        run([binary, "export", "a.xls", "--workbook", "--data", data + "/x", "--output", data + "/a.xls"])
        workbook = pathlib.Path(data, "a.xls").read_bytes()
    custom = {"device": {"reachable": bool, "down": bool}}
    pickles = ["custom_multiselect", "custom_json"]
    accepted, refused = enms_rules.imported(workbook, custom, pickles)
    assert len(accepted["device"]) == 91, len(accepted["device"])
    assert all(reason.startswith("there is no device") for _, _, reason in refused), refused


CHECKS = [manual, with_replace, every_cell, mended, template, as_enms_imports]
CHECKS_OF_FIXTURES = [examples_as_enms_imports]
