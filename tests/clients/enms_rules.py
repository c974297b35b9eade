"""The rules by which eNMS 4.6 imports a workbook, as far as they decide whether a row is accepted.

They are written from these facts of eNMS (`topology_import` in eNMS/controller.py, `factory` and
`field_conversion` in eNMS/database.py, eNMS/models/inventory.py):

- Only the sheets `device` and `link` are read. Row 1 has the names of properties. A column without a
  heading is skipped.
- Every cell of a row is converted by the type of its column, before the row is tried. A cell that
  cannot be converted ends the whole import with 500: an empty cell of an integer is one.
- A cell of a relation is taken for a list of database ids, so a text in it refuses the row.
- A dictionary or a list is stored as a pickle, which refuses a text.
- A `type` other than the one of the sheet makes a row of the base class, whose own table lacks it.
- A name with a slash or a quote is refused, and so is a link without two existing devices as its ends.
"""
import xlrd

TEXTS = """name type subtype description model location vendor creator last_modified
last_modified_by""".split()
DEVICE_TEXTS = """latitude longitude icon operating_system os_version ip_address netmiko_driver
napalm_driver scrapli_driver netconf_driver""".split()
ACCESS = ["owners", "rbac_read", "rbac_edit"]


class Model:
    """The properties and relations of a model."""

    def __init__(self, texts, integers, pickles, relations):
        self.columns = {**dict.fromkeys(texts, str), **dict.fromkeys(integers, int)}
        self.pickles = set(pickles)
        self.relations = set(relations)


MODELS = {
    "device": Model(
        TEXTS + DEVICE_TEXTS,
        ["id", "port"],
        ["positions"],
        ["gateways", "target_services", "runs", "tasks", "pools", "sessions", "networks", "source",
         "destination", "rbac_configuration", "rbac_connect", "rbac_target", *ACCESS],
    ),
    "link": Model(
        [*TEXTS, "color", "source_name", "destination_name"],
        ["id", "source_id", "destination_id"],
        [],
        ["source", "destination", "pools", "networks", *ACCESS],
    ),
}


def imported(workbook, custom=None, pickles=()):
    """Returns the rows that eNMS accepts, by sheet and name, and those that it refuses with the reason.

    `custom` has the types of the site's custom properties (setup/properties.json) by sheet, and
    `pickles` names those that are lists or dictionaries. Raises what eNMS answers with 500.
    """
    book = xlrd.open_workbook(file_contents=workbook)
    accepted, refused = {kind: {} for kind in MODELS}, []
    for kind, model in MODELS.items():
        if kind not in book.sheet_names():
            continue
        types = {**model.columns, **(custom or {}).get(kind, {})}
        headings, *rows = (book.sheet_by_name(kind).row_values(at)
                           for at in range(book.sheet_by_name(kind).nrows))
        for row in rows:
            cells = {heading: cell for heading, cell in zip(headings, row) if heading}
            values = {name: types.get(name, str)(cell) for name, cell in cells.items()}
            reason = refusal(kind, values, model.pickles | set(pickles), accepted["device"])
            if reason:
                refused.append((kind, values.get("name"), reason))
            else:
                accepted[kind][values["name"]] = {
                    name: value for name, value in values.items() if name in types
                }
    return accepted, refused


def refusal(kind, values, pickles, devices):
    """Returns the reason why eNMS refuses a row, or None."""
    for relation in MODELS[kind].relations & set(values):
        if values[relation]:
            return f"'{relation}' is a relation, and its cell is a text"
    for pickle in pickles & set(values):
        return f"'{pickle}' is a dictionary or list, and its cell is a text"
    if values.get("type", kind) != kind:
        return f"the type '{values['type']}' has a table of its own"
    if set("/\\'\"") & set(values.get("name", "")):
        return "the name has a slash or a quote"
    for end in ("source_name", "destination_name"):
        if end in values and values[end] not in devices:
            return f"there is no device '{values[end]}'"
    return None
