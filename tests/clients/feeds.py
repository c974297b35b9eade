"""Every feed, read by the program for which it is made."""
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import xml.dom.minidom

import networkx
import nornir.plugins.inventory.simple as simple_inventory
import requests
import yaml

from satchel import server

ADMIN = ("admin", "admin")

# Names that break a format whose writer does not quote them, and values of properties, which can have
# every character.
HOSTILE = [
    "a; } object Host x {", "<b>&amp;]]>", "d|e;f,g", "#h ; i", "{{ 1 + 1 }}", "{% raw %}",
    "$(touch x)", "-oProxyCommand=x", "é>b", "host: [k]", "%l%", "東京", "Sao Paulo", "São Paulo",
    "end", "null", "123",
]
VALUES = [
    'a"; } object Host "x" {', "b\\", "c</node>&amp;<x>", "d|e;f,g\th", "#h ; i", "{{ 1 + 1 }}", "j\nk",
    "l\u2028m\x85n", "é\ufeff", "=1+1", "\r\n", "]]>", "  blanks  ",
]


def fill(satchel):
    devices = [
        {
            "name": name, "ip_address": f"10.0.0.{number}", "type": "router",
            "location": value, "vendor": value, "description": value,
            "mac": f"52:54:00:00:00:{number:02x}",
        }
        for number, (name, value) in enumerate(zip(HOSTILE, VALUES * 2), start=1)
    ]
    devices.append({"name": "without an address", "location": "Faro"})
    devices.append({"name": "v6", "ip_address": "2001:db8::1", "mac": "525400aabbcc"})
    devices.append({"name": "gw", "type": "gateway", "ip_address": "10.0.0.100", "devices": ["v6"]})
    put(satchel, "device", devices)
    put(satchel, "network", [{"name": "net <node> x"}])
    links = [
        {"name": f"l {number} {name}", "source": HOSTILE[0], "destination": name}
        for number, name in enumerate([*HOSTILE[1:], "net <node> x"])
    ]
    put(satchel, "link", links)
    put(satchel, "pool", [{"name": "p [x] {{ 1 }}", "manually_defined": True, "devices": HOSTILE}])


def put(satchel, kind, records):
    answer = requests.post(f"{satchel.url}/rest/instance/{kind}", json=records, auth=ADMIN)
    assert answer.status_code == 200 and not answer.json()["failure"], answer.text


def feed(satchel, name, status=200, **options):
    answer = requests.get(f"{satchel.url}/feeds/{name}", params=options, auth=ADMIN)
    assert answer.status_code == status, answer.text
    answer.encoding = "utf-8"
    return answer.text


def run(*command, **more):
    ran = subprocess.run([*map(str, command)], capture_output=True, text=True, **more)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    return ran.stdout


def has(tool):
    found = shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert found or os.environ.get("CI") != "true", f"{tool} is missing, and CI must have it"
    return found


def filled(check):
    """Runs a check with a server that has hostile names."""
    def with_server(binary, root, fixtures):
        with server(binary) as satchel, tempfile.TemporaryDirectory() as folder:
            fill(satchel)
            check(satchel, pathlib.Path(folder), binary)
    with_server.__name__, with_server.__doc__ = check.__name__, check.__doc__
    return with_server


@filled
def ansible_reads_hosts_groups_and_variables(satchel, folder, binary):
    """ansible-inventory reads the feed; no name is evaluated as a template"""
    script = folder / "satchel.sh"
    script.write_text(run(binary, "feed", "ansible", "--script"))
    script.chmod(0o755)
    token = requests.post(
        f"{satchel.url}/rest/tokens", json={"name": "ansible", "scope": "feeds"}, auth=ADMIN
    ).json()["token"]
    (folder / "satchel.token").write_text(token + "\n")
    environment = {**os.environ, "HOME": str(folder), "SATCHEL_URL": f"{satchel.url}/feeds/ansible"}
    ansible = pathlib.Path(sys.executable).parent / "ansible-inventory"
    listed = json.loads(run(ansible, "-i", script, "--list", env=environment))
    hosts = listed["_meta"]["hostvars"]
    assert len(hosts) == len(HOSTILE) + 3, hosts.keys()
    # ansible-inventory shows a text that must not be evaluated with its mark.
    names = [variables["satchel_name"] for variables in hosts.values()]
    names = {name["__ansible_unsafe"] if isinstance(name, dict) else name for name in names}
    assert set(HOSTILE) <= names, names
    pool = listed["pools_p_x_1"]
    assert len(pool["hosts"]) == len(HOSTILE), pool
    assert hosts["v6"]["ansible_host"] == "2001:db8::1"
    one = json.loads(run(ansible, "-i", script, "--host", "v6", env=environment))
    assert one["satchel_name"] == "v6", one
    # The text of a template stays a text when a play uses it.
    debug = [
        pathlib.Path(sys.executable).parent / "ansible", "-i", script, "all", "-c", "local", "-m",
        "ansible.builtin.debug", "-a", "msg={{ satchel_name }}", "-o",
        "-e", f"ansible_python_interpreter={sys.executable}",
    ]
    shown = run(*debug, env=environment)
    assert "{{ 1 + 1 }}" in shown and "{% raw %}" in shown, shown


@filled
def prometheus_accepts_the_targets(satchel, folder, binary):
    """promtool checks the targets in a file"""
    targets = folder / "targets.json"
    targets.write_text(feed(satchel, "prometheus", target_port=9100))
    listed = json.loads(targets.read_text())
    assert {name for entry in listed for name in entry["targets"]} >= {"10.0.0.1:9100", "[2001:db8::1]:9100"}
    if not has("promtool"):
        return
    config = folder / "prometheus.yml"
    config.write_text(
        f"scrape_configs:\n  - job_name: satchel\n    file_sd_configs:\n      - files: ['{targets}']\n"
    )
    run("promtool", "check", "config", config)
    found = json.loads(run("promtool", "check", "service-discovery", config, "satchel"))
    labels = [entry["discoveredLabels"]["__meta_satchel_name"] for entry in found]
    assert set(HOSTILE) <= set(labels), labels


@filled
def nornir_reads_its_three_files(satchel, folder, binary):
    """Nornir's SimpleInventory loads hosts, groups and defaults"""
    for file in ["hosts", "groups", "defaults"]:
        (folder / f"{file}.yaml").write_text(feed(satchel, "nornir", file=file))
    loaded = simple_inventory.SimpleInventory(
        host_file=str(folder / "hosts.yaml"), group_file=str(folder / "groups.yaml"),
        defaults_file=str(folder / "defaults.yaml"),
    ).load()
    names = {host.data["satchel_name"] for host in loaded.hosts.values()}
    assert set(HOSTILE) <= names, names
    assert loaded.hosts["v6"].hostname == "2001:db8::1"
    assert len(loaded.groups) > len(VALUES)
    assert set(VALUES) <= {group.data["satchel_group_value"] for group in loaded.groups.values()}


@filled
def graphs_have_all_nodes_and_edges(satchel, folder, binary):
    """Graphviz, networkx and an XML parser read the graphs"""
    nodes, edges = len(HOSTILE) + 4, len(HOSTILE)
    graph = networkx.parse_graphml(feed(satchel, "graphml"))
    assert (len(graph.nodes), len(graph.edges)) == (nodes, edges), graph
    assert set(HOSTILE) <= {data["name"] for _, data in graph.nodes(data=True)}
    diagram = xml.dom.minidom.parseString(feed(satchel, "drawio").encode())
    assert len(diagram.getElementsByTagName("mxCell")) == nodes + edges + 2
    elements = json.loads(feed(satchel, "cytoscape"))["elements"]
    assert (len(elements["nodes"]), len(elements["edges"])) == (nodes, edges)
    lab = yaml.safe_load(feed(satchel, "containerlab", node_kind="linux", image="alpine"))
    assert len(lab["topology"]["nodes"]) == nodes and len(lab["topology"]["links"]) == edges
    if not has("dot"):
        return
    for rule in ["slug", "name"]:
        shown = run("dot", "-Tjson", input=feed(satchel, "graphviz", host=rule))
        shown = json.loads(shown)
        assert (len(shown["objects"]), len(shown["edges"])) == (nodes, edges), shown


@filled
def names_resolve(satchel, folder, binary):
    """named-checkzone, dnsmasq, ssh and a reader of /etc/hosts accept the names"""
    hosts = [line.split("#")[0].split() for line in feed(satchel, "hosts").splitlines()]
    hosts = [fields for fields in hosts if fields]
    assert len(hosts) == len(HOSTILE) + 2 and all(len(fields) == 2 for fields in hosts), hosts
    zone = folder / "zone"
    zone.write_text(feed(satchel, "bind", zone="net.example", name_server="gw.net.example"))
    if has("named-checkzone"):
        run(has("named-checkzone"), "net.example", zone)
    names = folder / "dnsmasq"
    names.write_text(feed(satchel, "dnsmasq", zone="net.example", mac="mac"))
    assert names.read_text().count("dhcp-host=") == len(HOSTILE) + 1
    if has("dnsmasq"):
        run(has("dnsmasq"), "--test", f"--conf-file={names}")
    config = folder / "ssh"
    config.write_text(feed(satchel, "ssh_config"))
    if has("ssh"):
        shown = run("ssh", "-G", "-F", config, "v6")
        assert "hostname 2001:db8::1\n" in shown and "proxyjump gw\n" in shown, shown
        assert "\nproxycommand " not in run("ssh", "-G", "-F", config, "oproxycommand-x")


@filled
def tables_and_lists_keep_every_value(satchel, folder, binary):
    """csv, json and the lists of Oxidized and RANCID have every device"""
    rows = list(csv.DictReader(io.StringIO(feed(satchel, "csv"), newline="")))
    assert set(HOSTILE) <= {row["name"] for row in rows}, rows
    assert set(VALUES) <= {row["vendor"] for row in rows}, rows
    columns = {"columns": "host,description", "as": "description:Text"}
    rows = json.loads(feed(satchel, "json", **columns))
    assert {row["Text"] for row in rows} >= set(VALUES), rows
    rows = [line.split("\t") for line in feed(satchel, "tsv").splitlines()]
    assert {len(row) for row in rows} == {8}, rows
    nodes = json.loads(feed(satchel, "oxidized"))
    assert set(HOSTILE) <= {node["satchel_name"] for node in nodes}
    assert len({node["name"] for node in nodes}) == len(nodes), nodes
    node = json.loads(feed(satchel, "oxidized/v6"))
    assert node["ip"] == "2001:db8::1", node
    feed(satchel, "oxidized/nobody", status=404)
    for name, fields in [("oxidized-csv", 4), ("rancid", 4), ("mremoteng", 8)]:
        lines = feed(satchel, name).splitlines()
        lines = [line for line in lines if not line.startswith("# ")]
        assert all(line.count(";") == fields - 1 for line in lines), (name, lines)


CHECKS = [
    ansible_reads_hosts_groups_and_variables,
    prometheus_accepts_the_targets,
    nornir_reads_its_three_files,
    graphs_have_all_nodes_and_edges,
    names_resolve,
    tables_and_lists_keep_every_value,
]
