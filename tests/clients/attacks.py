#!/usr/bin/env python3
"""Attacks a server of its own, and prints what other users notice. Run it by hand on an idle machine:

    python3 tests/clients/attacks.py target/release/satchel

It measures the requests of another user before and during each attack, in milliseconds: the median, the
99th percentile and the largest. The attackers are processes of their own with the lowest priority, so that
they take no processor time from the server, as if they ran on other machines. Their addresses are those in
X-Forwarded-For: the server trusts 127.0.0.1 as a proxy. The attacks:

- wrong passwords for one user from 1 and from 50 addresses, one after the other from each;
- wrong passwords of invented users from 2,000 addresses, 32 and 128 at the same time;
- 1,000 connections that send half of a request head and then nothing, from 1,000 loopback addresses.
"""

import base64
import http.client
import itertools
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

SECONDS = 15
USER, PASSWORD = "rosa", "a long new password"


class Server:
    def __init__(self, executable):
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [executable, "serve", "--data", f"{self.folder.name}/data", "--listen", "127.0.0.1:0",
             "--trusted-proxies", "127.0.0.1", "--demo", "--log", "off"],
            stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split("//")[1].strip()
        status = self.request("POST", "/rest/instance/user", ("admin", "admin"), None,
                              f'{{"name": "{USER}", "password": "{PASSWORD}"}}')
        assert status == 200, status

    def request(self, method, path, login, client, body=None):
        """Sends a request on a connection of its own, and returns the status."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        token = base64.b64encode(":".join(login).encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        if client:
            headers["X-Forwarded-For"] = client
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def memory_mib(self, name):
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith(name))
        return int(line.split()[1]) // 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measured(server, stop=None):
    """The times of the requests of the other user until `stop` is set, or of 300 requests."""
    times = []
    while len(times) < 300 if stop is None else not stop.is_set():
        began = time.perf_counter()
        status = server.request("GET", "/rest/query/device", (USER, PASSWORD), "198.51.100.200")
        times.append((time.perf_counter() - began) * 1000)
        assert status == 200, status
        time.sleep(0.01)
    return sorted(times)


def show(name, times):
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
    print(f"  {name:>8}: {len(times):5} requests, median {at(0.5):7.1f} ms, p99 {at(0.99):7.1f} ms, "
          f"largest {times[-1]:7.1f} ms")


def attack_until(stop, statuses, attackers):
    """Runs attackers, functions that return a status, each in a thread of its own, until `stop` is set."""
    os.nice(19)
    counted = Counter()

    def run(attack):
        while not stop.is_set():
            try:
                counted[attack()] += 1
            except (OSError, http.client.HTTPException) as error:
                counted[type(error).__name__] += 1

    threads = [threading.Thread(target=run, args=(attack,)) for attack in attackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses.put(counted)


def during(server, title, attackers):
    """Runs attackers while the other user works."""
    print(title)
    show("before", measured(server))
    stop, statuses = multiprocessing.Event(), multiprocessing.Queue()
    process = multiprocessing.Process(target=attack_until, args=(stop, statuses, attackers))
    process.start()
    threading.Timer(SECONDS, stop.set).start()
    show("during", measured(server, stop))
    counted = statuses.get()
    process.join()
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(counted.items(), key=str))
    print(f"  answers to the attack in {SECONDS} s: {answers}; peak memory {server.memory_mib('VmHWM')} MiB")


def guess(server, user, client):
    numbers = itertools.count()
    return lambda: server.request("GET", "/rest/count", (user, f"wrong {next(numbers)}"), client)


def flood(server, numbers=itertools.count()):
    def attack():
        number = next(numbers)
        client = f"203.{number % 2000 // 250}.113.{number % 250}"
        return server.request("GET", "/rest/count", (f"nobody {number}", "wrong password"), client)
    return attack


def slow_connections(server):
    host, port = server.address.split(":")
    print("1,000 connections that send half of a head")
    show("before", measured(server))
    began, connections = time.perf_counter(), []
    for number in range(1000):
        connection = socket.socket()
        connection.bind((f"127.1.{number // 200}.{number % 200 + 1}", 0))
        connection.connect((host, int(port)))
        connection.sendall(b"GET /rest/is_alive HTTP/1.1\r\nHost:")
        connections.append(connection)
    print(f"  opened in {time.perf_counter() - began:.1f} s")
    show("during", measured(server))
    print(f"  peak memory {server.memory_mib('VmHWM')} MiB")
    for connection in connections:
        connection.close()


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    server = Server(sys.argv[1])
    try:
        measured(server)
        one = [guess(server, "admin", "203.0.113.7")]
        during(server, "wrong passwords for one user from 1 address", one)
        fifty = [guess(server, "admin", f"198.51.100.{number}") for number in range(50)]
        during(server, "wrong passwords for one user from 50 addresses", fifty)
        during(server, "wrong passwords of invented users, 32 at the same time", [flood(server)] * 32)
        during(server, "the same, 128 at the same time", [flood(server)] * 128)
        slow_connections(server)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
