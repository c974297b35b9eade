"""The server of one check. The check starts and ends it."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

READY = "satchel is listening on "

KINDS = [
    "user", "group", "device", "file", "link", "service", "network", "workflow_edge", "task",
    "credential", "pool",
]


class Server:
    def __init__(self, data, url):
        self.data = data
        self.url = url

    def put_folder(self, folder, name):
        """Copies a project into the data directory, like a user by hand."""
        target = self.data / "migrations" / name
        target.mkdir(parents=True)
        for document in folder.glob("*.yaml"):
            shutil.copyfile(document, target / document.name)


@contextlib.contextmanager
def server(binary, *arguments, listen="127.0.0.1:0"):
    """Runs the server on a free port with a data directory of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SATCHEL_")}
    # An empty name means no settings file, even if /etc/satchel.toml exists.
    environment["SATCHEL_CONFIG"] = ""
    # A proxy in the environment must not be used for this machine's own address.
    os.environ["NO_PROXY"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data"
        with open(pathlib.Path(folder) / "log", "w+") as log:
            process = subprocess.Popen(
                [binary, "serve", "--data", data, "--listen", listen, *arguments],
                stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
            )
            try:
                line = process.stdout.readline()
                if not line.startswith(READY):
                    log.seek(0)
                    raise AssertionError(f"no ready line but {line!r}; the log says {log.read()}")
                yield Server(data, line.removeprefix(READY).strip())
                process.terminate()
                assert process.wait(30) == 0, f"the server ended with {process.returncode}"
            finally:
                process.kill()
                process.wait()
