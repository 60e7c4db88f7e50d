"""A class on one server: students run their handouts at the same time, one crashes.

`make test` takes two students and notebook 01; `make class` twelve, 00 and then 05, and
prints the table of the teacher's guide.
"""

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

psutil = pytest.importorskip("psutil")
requests = pytest.importorskip("requests")
websocket = pytest.importorskip("websocket")

ROOT = Path(__file__).parents[2]
HUB = Path(sys.executable).with_name("jupyterhub")
PROXY = Path(sys.prefix, "proxy/node_modules/.bin/configurable-http-proxy")
HOW = "see classroom/requirements.txt: "
pytestmark = [
    pytest.mark.skipif(not HUB.exists(), reason=f"no jupyterhub, {HOW} pip install"),
    pytest.mark.skipif(not PROXY.exists(), reason=f"no proxy, {HOW} npm install"),
    pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: apt, npm"),
]
STUDENTS = int(os.environ.get("STUDENTS", 2))
NUMBERS = os.environ.get("NUMBERS", "01").split()
TOKEN = "a-class-on-monday"
HEADERS = {"Authorization": f"token {TOKEN}"}
CONFIG = """
load_subconfig({config!r})
c, on_server = get_config(), get_config().Spawner.pre_spawn_hook
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = {command!r}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"  # no accounts on a test machine
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.pre_spawn_hook = lambda spawner: on_server(spawner, has_account=False)
c.Spawner.args += ["--allow-root"]
c.Spawner.http_timeout = c.Spawner.start_timeout = 120
c.JupyterHub.services = [dict(name="teacher", api_token={token!r}, admin=True)]
c.JupyterHub.load_roles = [
    dict(name="all", scopes=["admin:users", "admin:servers", "access:servers",
                             "tokens"], services=["teacher"])]
"""


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def ask(method, url, wanted=(200, 201, 202, 204), **options):
    """Send a request as the teacher; return the answer."""
    answer = requests.request(method, url, headers=HEADERS, timeout=60, **options)
    assert answer.status_code in wanted, f"{method} {url}: {answer.text[:500]}"
    return answer.json() if answer.content else None


def wait(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)


def answers(url):
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def hub(tmp_path):
    """A hub and its proxy on loopback, whose students find the handout at home."""
    front, hub_port, proxy = free_ports(3)
    url = f"http://127.0.0.1:{front}"
    config, homes = tmp_path / "config.py", tmp_path / "homes"
    homes.mkdir()
    subprocess.run(["make", "handout"], cwd=ROOT, check=True, capture_output=True)
    config.write_text(
        CONFIG.format(
            config=str(ROOT / "classroom" / "jupyterhub_config.py"),
            url=url, hub=hub_port, proxy=proxy, command=[str(PROXY)],
            homes=str(homes), token=TOKEN,
        )
    )  # fmt: skip
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with (tmp_path / "hub.log").open("w") as log:
        process = subprocess.Popen(
            [HUB, "-f", config], cwd=tmp_path, env=os.environ | own, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait(lambda: answers(f"{url}/hub/api/"), 60, "hub")
        yield url, homes
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        for child in family:
            if child.is_running():
                child.kill()


class Student:
    """Who logs in, opens notebooks of the handout at home, and runs every cell."""

    def __init__(self, url, name):
        """Start the student's server and wait until it answers."""
        self.name, self.hub = name, f"{url}/hub/api/users/{name}"
        self.url = f"{url}/user/{name}/api"
        self.kernels, self.faults = [], []
        ask("POST", self.hub)
        ask("POST", f"{self.hub}/server")
        wait(
            lambda: ask("GET", self.hub)["servers"].get("", {}).get("ready"), 120, name
        )

    def is_ready(self):
        return ask("GET", self.hub)["servers"].get("", {}).get("ready")

    def run(self, number):
        """Run a notebook by REST and websocket; return the seconds it took."""
        start = time.monotonic()
        here = ask("GET", f"{self.url}/contents/hnnlib")["content"]
        path = next(x["path"] for x in here if x["name"].startswith(number))
        notebook = ask("GET", f"{self.url}/contents/{path}")["content"]
        new = {"path": path, "name": path, "type": "notebook"}
        new["kernel"] = {"name": "python3"}
        session = ask("POST", f"{self.url}/sessions", json=new)
        self.kernels.append(session["kernel"]["id"])
        channels = f"{self.url}/kernels/{self.kernels[-1]}/channels"
        line = websocket.create_connection(
            channels.replace("http", "ws", 1), header=HEADERS, timeout=300
        )
        for i, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] == "code":
                self.execute(line, cell, f"{number}, cell {i}")
        line.close()
        return time.monotonic() - start

    def execute(self, line, cell, where):
        """Send a cell, wait for its end, and note an error that is not expected."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request"}
        header |= {"session": self.name, "username": self.name, "version": "5.3"}
        expected = "raises-exception" in cell["metadata"].get("tags", [])
        content = {"code": cell["source"], "silent": False, "stop_on_error": False}
        message = {"header": header, "parent_header": {}, "metadata": {}}
        line.send(json.dumps(message | {"content": content, "channel": "shell"}))
        while True:
            said = line.recv()
            if not isinstance(said, str):  # a picture of a widget
                continue
            said = json.loads(said)
            state = said["content"].get("execution_state")
            if state in ("restarting", "autorestarting", "dead"):
                raise ConnectionAbortedError(f"{self.name}: kernel {state}")
            if said["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if said["msg_type"] == "error" and not expected:
                self.faults.append(f"{where}: {said['content']['evalue'][:200]}")
            if state == "idle":
                return

    def processes(self):
        """The student's kernels, as processes of this machine."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if "ipykernel" in words and any(k in words for k in self.kernels):
                found.append(process)
        return found

    def memory(self):
        """The student's memory in MB, server and kernels; what is shared is shared."""
        kernels = self.processes()
        server = {p.parent().pid: p.parent() for p in kernels}.values()
        return sum(p.memory_full_info().pss for p in [*kernels, *server]) / 1e6


def test_a_class_runs_its_handouts_and_one_crash_harms_nobody(hub):
    url, homes = hub
    lone = Student(url, "lone")
    alone = sum(lone.run(number) for number in NUMBERS)
    assert not lone.faults
    ask("DELETE", f"{lone.hub}/server")

    mine = homes / "s0" / "hnnlib"
    mine.mkdir(parents=True)
    kept = next((ROOT / "build" / "student").rglob("05_*.ipynb")).name
    (mine / kept).write_text("what I wrote last week")
    with ThreadPoolExecutor(STUDENTS) as pool:
        students = list(pool.map(lambda i: Student(url, f"s{i}"), range(STUDENTS)))
    assert (mine / kept).read_text() == "what I wrote last week"
    (mine / kept).unlink()
    shutil.copy(next((ROOT / "build" / "student").rglob("05_*.ipynb")), mine / kept)

    unlucky, crashed = students[0], threading.Event()

    def crash():
        wait(lambda: unlucky.kernels and unlucky.processes(), 120, "a kernel")
        time.sleep(0.3 * alone)
        for process in unlucky.processes():
            process.kill()
        crashed.set()

    def work(student):
        start = time.monotonic()
        try:
            for number in NUMBERS:
                student.run(number)
        except (ConnectionAbortedError, websocket.WebSocketException) as error:
            return str(error)
        return time.monotonic() - start

    killer = threading.Thread(target=crash)
    killer.start()
    with ThreadPoolExecutor(STUDENTS) as pool:
        took = list(pool.map(work, students))
    killer.join()
    others = took[1:]
    memory = [s.memory() for s in students[1:]]
    assert crashed.is_set() and re.search("kernel|Connection", str(took[0])), took[0]
    assert all(isinstance(x, float) for x in others), others
    faults = [fault for student in students[1:] for fault in student.faults]
    assert not faults

    again = unlucky.run(NUMBERS[0])  # a new kernel, as after a restart
    assert not unlucky.faults and again > 0
    rows = {
        "students, cores": f"{STUDENTS}, {os.cpu_count()} ({platform.machine()})",
        "notebooks, one after the other": " and ".join(NUMBERS),
        "a lone student": f"{alone:.0f} s",
        "the slowest of the class": f"{max(others):.0f} s",
        "times a lone one": f"{max(others) / alone:.1f}",
        "memory a student, kernels open": f"{max(memory):.0f} MB",
        "cells that failed, but for the killed kernel": f"{len(faults)}",
        "neighbours who noticed the killed kernel": "0",
    }
    lines = ["| what | measured |", "|---|---|"]
    lines += [f"| {what} | {value} |" for what, value in rows.items()]
    print("", *lines, sep="\n")
    if "CLASS_TABLE" in os.environ:  # the file to write it into
        path = Path(os.environ["CLASS_TABLE"])
        place = r"(?s)(?<=class writes: -->\n).*?(?=<!-- until)"
        table = "\n".join(["", *lines, "", ""])
        text = re.sub(place, table, path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
