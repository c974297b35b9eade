"""Writes what xlrd reads of each workbook in a folder: make.py FOLDER

A line is a sheet that begins, or a row with what is not empty in it, by column. Needs xlrd 2.0.
"""
import json
import pathlib
import sys

import xlrd


def value(cell):
    if cell.ctype == xlrd.XL_CELL_DATE:
        return {"date": cell.value}
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return {"error": xlrd.error_text_from_code[cell.value]}
    return cell.value


for path in sorted(pathlib.Path(sys.argv[1]).glob("*.xls")):
    lines = []
    for sheet in xlrd.open_workbook(path).sheets():
        lines.append({"sheet": sheet.name})
        for number, row in enumerate(sheet.get_rows()):
            cells = {str(column): value(cell) for column, cell in enumerate(row) if cell.value != ""}
            if cells:
                lines.append({"row": number, "cells": cells})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    pathlib.Path(__file__).with_name(path.name + ".jsonl").write_text(text)
