#!/usr/bin/env python3
"""Makes spellings.json: what Python's str and repr give for values of every type.

    python3 tests/python/spellings.py > tests/python/spellings.json

The unit test of src/model/python.rs compares every row with Satchel's spelling. The integration
test `python` compares the table with what this script prints. Each row has "value" (an object of
one member, whose name is the type), "str" and "repr".

The texts hold no character that is newer than Unicode 9, so that every Python 3.6 or later prints
the same table.
"""

import datetime
import json
import random
import struct

FLOATS = [
    0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 22.0, 123456.789, 0.0001, 0.000123, 1e-05, 1.5e-07,
    9999999999999998.0, 1e15, 1e16, 1.5e16, 1e22, 1e23, 1.25e100, 5e-324,
    2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
    214352273870508.625, 9007199254740993.0, float("inf"), float("-inf"), float("nan"),
]

TEXTS = [
    "", "plain", "R 1%", "é>b", "it's", 'say "hi"', "it's \"both\"", "back\\slash", "a\nb\r\tc",
    "\0\x01\x1f\x7f", "\x80\x9f\xa0\xad", "é\u0301", "\u0301", "日本語", "😀", "\u200b\u200e",
    "\u2028\u2029", "\u3000", "\ufeffx", "\ue000", "\U000e0001", "\U0010ffff", "\uffff", "None",
    "[1, 2]", "{'a': 1}",
]

BYTES = [b"", b"abc", b"it's", b'say "hi"', b"'\"", b"\\", b"\n\r\t", bytes(range(256))]


def zone(minutes):
    return datetime.timezone(datetime.timedelta(minutes=minutes))


MOMENTS = [
    datetime.date(2024, 1, 31),
    datetime.date(1, 1, 1),
    datetime.datetime(2024, 1, 31),
    datetime.datetime(2024, 1, 31, 12, 30),
    datetime.datetime(2024, 1, 31, 12, 30, 5),
    datetime.datetime(2024, 1, 31, 12, 30, 0, 500000),
    datetime.datetime(2024, 1, 31, 0, 0, 7, 9),
    datetime.datetime(2024, 1, 31, 12, 30, tzinfo=datetime.timezone.utc),
    datetime.datetime(2024, 1, 31, 12, 30, 1, 2, tzinfo=zone(120)),
    datetime.datetime(2024, 1, 31, 12, 30, tzinfo=zone(-300)),
    datetime.datetime(2024, 1, 31, 12, 30, tzinfo=zone(-1439)),
    datetime.datetime(2024, 1, 31, 12, 30, tzinfo=zone(345)),
]

INTS = [0, 1, -7, 22, 2**53, 2**63 - 1, -(2**63), 2**63, -(2**64), 10**30]


def values():
    yield from (None, True, False)
    for scalars in (INTS, FLOATS, TEXTS, BYTES, MOMENTS):
        for scalar in scalars:
            yield scalar
            yield [scalar]
    yield from ([], (), {}, (1,), (1, 2), [1, "2"], (0, 0), [[], [()]], [None, True, 1e16])
    yield {"a": "c", "b": [1, 2, "3"]}
    yield {"é": (1, None), 1: {2.5: b"x"}, None: [], True: {}, (1, "a"): [{}]}
    yield {datetime.date(2024, 1, 31): [datetime.datetime(2024, 1, 31, 12, 30)]}
    chance = random.Random(20241131)
    for _ in range(1000):
        number = struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64)))[0]
        # The bits of what is not a number differ between processors.
        if number == number:
            yield number
    for _ in range(300):
        yield chance.getrandbits(53) / 10 ** (chance.getrandbits(5))


def described(value):
    if value is None:
        return {"null": None}
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": "%016x" % struct.unpack("<Q", struct.pack("<d", value))[0]}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, datetime.datetime):
        return {"timestamp": value.isoformat(" ")}
    if isinstance(value, datetime.date):
        return {"timestamp": value.isoformat()}
    if isinstance(value, list):
        return {"list": [described(item) for item in value]}
    if isinstance(value, tuple):
        return {"tuple": [described(item) for item in value]}
    return {"map": [[described(key), described(item)] for key, item in value.items()]}


def main():
    rows = ({"value": described(value), "str": str(value), "repr": repr(value)} for value in values())
    print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")


main()
