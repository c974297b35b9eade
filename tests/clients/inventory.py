"""The inventory through Python's `requests`, with the calls that eNMS's manual shows."""
import json
import urllib.parse

import requests
from openapi_spec_validator import validate

from satchel import KINDS, server

ADMIN = ("admin", "admin")

# `..` is a valid name, but `requests` resolves it as the parent folder in any encoding. Such a
# device is requested by a query.
NAMES = ["R 1%", "[Shared] x", "é>b", "%2E%2E", "a+b&c=d?e#f", "x" * 255, "é" * 127]


def call(method, url, path, status=200, auth=ADMIN, **more):
    answer = requests.request(method, url + path, auth=auth, timeout=120, **more)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def quote(name):
    return urllib.parse.quote(name, safe="")


def put(url, kind, body, status=200, **more):
    return call("POST", url, f"/rest/instance/{kind}", status, json=body, **more).json()


def get(url, path, **more):
    return call("GET", url, path, **more).json()


def alive(binary, *_):
    """`is_alive` needs no login; every other call does."""
    with server(binary) as here:
        answer = call("GET", here.url, "/rest/is_alive", auth=None).json()
        assert answer["cluster_id"] is True and answer["name"], answer
        for path in ["/rest/count", "/rest/instance/device", "/rest/query/device?name=a"]:
            call("GET", here.url, path, 401, auth=None)


def one_instance(binary, *_):
    """An instance is created, read, updated, renamed and deleted."""
    with server(binary) as here:
        for name in NAMES:
            answer = put(here.url, "device", {"name": name, "vendor": "Cisco", "rack": 7})
            assert answer["success"] == answer["created"] == [name], answer
            assert answer["failure"] == answer["updated"] == answer["unchanged"] == [], answer
            device = get(here.url, f"/rest/instance/device/{quote(name)}")
            assert (device["name"], device["rack"], device["port"]) == (name, 7, 22), device
            put(here.url, "device", {"name": name, "ip_address": "10.0.0.1"})
            put(here.url, "device", {"name": name, "new_name": "renamed"})
            call("GET", here.url, f"/rest/instance/device/{quote(name)}", 404)
            device = get(here.url, "/rest/instance/device/renamed")
            assert (device["vendor"], device["ip_address"]) == ("Cisco", "10.0.0.1"), device
            gone = call("DELETE", here.url, "/rest/instance/device/renamed").json()
            assert gone["deleted"] == [{"type": "device", "name": "renamed"}], gone
        put(here.url, "device", {"name": ".."})
        assert [row["name"] for row in get(here.url, "/rest/query/device?name=..")] == [".."]
        problem = call("GET", here.url, "/rest/instance/divice/x", 404).json()
        assert problem["errors"][0]["nearest"] == "device", problem


def many_instances(binary, *_):
    """The response to a list names the accepted and the rejected objects, with reasons."""
    with server(binary) as here:
        bad = {"name": "l", "source_name": "R 1%", "destination_name": "nowhere"}
        put(here.url, "device", [{"name": name} for name in NAMES])
        answer = put(here.url, "link", [
            {"name": "ok", "source_name": "R 1%", "destination_name": "é>b"}, bad,
        ], 206)
        assert answer["success"] == ["ok"], answer
        [[failed, reason]] = answer["failure"]
        assert failed == bad and "nowhere" in reason and "Traceback" not in reason, answer
        problem = put(here.url, "device", [{"name": "a"}, {"name": "a/b"}], 422, params="atomic")
        assert problem["success"] == [] and len(problem["failure"]) == 2, problem
        call("GET", here.url, "/rest/instance/device/a", 404)
        assert get(here.url, "/rest/count")["device"] == len(NAMES)


def relations(binary, *_):
    """A device shows its links and pools. A rename of the device updates them."""
    with server(binary) as here:
        put(here.url, "device", [{"name": "R 1%", "vendor": "Cisco"}, {"name": "é>b"}])
        put(here.url, "link", {"name": "l", "source_name": "R 1%", "destination_name": "é>b"})
        put(here.url, "pool", {"name": "p", "device_vendor": "cisco"})
        put(here.url, "device", {"name": "R 1%", "new_name": "[Shared] x"})
        device = get(here.url, f"/rest/instance/device/{quote('[Shared] x')}")
        assert (device["links"], device["pools"]) == (["l"], ["p"]), device
        pool = get(here.url, "/rest/instance/pool/p")
        assert (pool["devices"], pool["device_number"]) == (["[Shared] x"], 1), pool
        updated = call("POST", here.url, "/rest/update_all_pools").json()
        assert updated == {"computed": 1, "changed": 0, "kept": []}, updated
        found = get(here.url, "/rest/query/link", params={"source_name": "[Shared] x"})
        assert [link["name"] for link in found] == ["l"], found
        gone = call("DELETE", here.url, f"/rest/instance/device/{quote('[Shared] x')}").json()
        assert {"type": "link", "name": "l"} in gone["deleted"], gone


def queries(binary, *_):
    """Queries and searches as in the manual."""
    with server(binary) as here:
        put(here.url, "device", [
            {"name": f"d {number:02}", "port": number, "model": "[9300] é"} for number in range(30)
        ])
        found = get(here.url, "/rest/query/device", params={"port": 22, "model": "[9300] é"})
        assert [row["name"] for row in found] == ["d 22"], found
        call("PUT", here.url, f"/rest/configuration/{quote('d 07')}",
             data="hostname d 07\ninterface Gi0\n")
        rows = call("POST", here.url, "/rest/search", json={
            "type": "device",
            "columns": ["name", "ip_address", "configuration", "configuration_matches"],
            "maximum_return_records": 3,
            "search_criteria": {"configuration_filter": "inclusion", "configuration": "i"},
        }).json()
        assert [row["name"] for row in rows] == ["d 07"], rows
        assert "interface Gi0" in json.dumps(rows[0]["configuration_matches"]), rows
        rows = call("POST", here.url, "/rest/search", json={"type": "device", "columns": ["name"]})
        assert len(rows.json()) == 10 and rows.headers["X-Total-Count"] == "30", rows.headers


def pages(binary, *_):
    """Clients that read pages, read rows line by line, and use ETags."""
    with server(binary) as here:
        text = "x" * 2000
        put(here.url, "device", [{"name": f"d {n:04}", "description": text} for n in range(1000)])
        rows = []
        while True:
            page = call("GET", here.url, "/rest/instance/device",
                        params={"start": len(rows), "limit": 300, "columns": "name"})
            assert page.headers["X-Total-Count"] == "1000"
            if not page.json():
                break
            rows += page.json()
        assert [row["name"] for row in rows] == [f"d {n:04}" for n in range(1000)]
        with requests.get(here.url + "/rest/instance/device", auth=ADMIN, stream=True, timeout=120,
                          headers={"Accept": "application/x-ndjson"}) as lines:
            names = [json.loads(line)["name"] for line in lines.iter_lines()]
        assert names == [row["name"] for row in rows]

        path = "/rest/instance/device/" + quote("d 0001")
        tag = call("GET", here.url, path).headers["ETag"]
        call("GET", here.url, path, 304, headers={"If-None-Match": tag})
        put(here.url, "device", {"name": "d 0001", "port": 1}, headers={"If-Match": tag})
        put(here.url, "device", {"name": "d 0001", "port": 2}, 412, headers={"If-Match": tag})


def configurations(binary, *_):
    """A configuration of 5 MB is stored and returned unchanged."""
    with server(binary) as here:
        put(here.url, "device", {"name": "R 1%"})
        path = "/rest/configuration/" + quote("R 1%")
        text = "interface é\r\n ip address 10.0.0.1\n" * 150_000
        for method in ["PUT", "POST"]:
            call(method, here.url, path, data=text.encode())
            answer = call("GET", here.url, path)
            assert answer.content == text.encode() and answer.text == text
        call("PUT", here.url, path + "?property=operational_data", data="up")
        assert call("GET", here.url, path + "?property=operational_data").text == "up"
        # JSON is refused with advice, because it would be stored with its braces.
        problem = call("PUT", here.url, path, 415, json={"configuration": "x"}).json()
        assert "text/plain" in problem["detail"], problem


def description(binary, *_):
    """The description of the routes is valid OpenAPI 3.1."""
    with server(binary) as here:
        document = get(here.url, "/rest/openapi.json", auth=None)
        validate(document)
        schemas = document["components"]["schemas"]
        assert set(KINDS) <= set(schemas)
        # The front page lists the same routes.
        page = call("GET", here.url, "/", auth=None).text
        for path, operations in document["paths"].items():
            for method in operations:
                assert f"{method.upper():6} {path}\n" in page, (method, path)


CHECKS = [
    alive, one_instance, many_instances, relations, queries, pages, configurations, description,
]
