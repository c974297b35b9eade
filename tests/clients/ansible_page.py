"""The tasks of the page "From Ansible", run by Ansible itself."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import openpyxl
import requests

from satchel import server

ADMIN = ("admin", "admin")


def tasks_of_the_page(binary, root, fixtures):
    """Ansible's uri module imports, exports and uploads as the page says"""
    page = (root / "assets/docs/ansible.md").read_text()
    playbook = re.search(r"```yaml satchel\.yml\n(.*?)```", page, re.DOTALL).group(1)
    with server(binary) as satchel, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        playbook = playbook.replace("http://127.0.0.1:8080", satchel.url.rstrip("/"))
        (folder / "satchel.yml").write_text(playbook)
        workbook = openpyxl.Workbook()
        workbook.active.title = "device"
        workbook.active.append(["name", "port"])
        workbook.active.append(["R 1%", 2222])
        workbook.save(folder / "sites.xlsx")
        command = [pathlib.Path(sys.executable).parent / "ansible-playbook", "satchel.yml"]
        environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "HOME": str(folder)}
        # The modules run with the interpreter of the play.
        command += ["-e", f"ansible_python_interpreter={sys.executable}"]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        devices = {
            name: requests.get(f"{satchel.url}/rest/instance/device/{name}", auth=ADMIN).json()
            for name in ["Faro 1", "R 1%25", "Faro 2", "Zürich"]
        }
        ports = [str(device["port"]) for device in devices.values()]
        assert ports == ["22", "2222", "22", "23"], devices
        projects = requests.get(f"{satchel.url}/rest/migrate/projects", auth=ADMIN).json()
        names = {project["name"] for project in projects["projects"]}
        assert {"nightly", "copy"} <= names, projects


CHECKS = [tasks_of_the_page]
