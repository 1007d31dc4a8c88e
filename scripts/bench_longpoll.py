"""The part `longpoll` of scripts/bench: one event to all who wait for it, bordereau against nginx with nchan.

Both servers run on this machine at the same time, on ports of their own, and are asked in turn by the same client
(crates/server/examples/longpoll.rs), which shares their cores. Needs the Debian packages nginx and libnginx-mod-nchan.
"""

import io
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
WAITERS = (1_000, 5_000, 10_000)
ROUNDS = 3
# One event to so few is over soon: more rounds, and the processor's time is what tells.
MATCHING, OTHERS, SELECTIVE_ROUNDS = 100, (100, 10_000), 15
PASSWORD = "correct horse"
CONFIGURATION = """\
load_module {module};
worker_processes {workers};
worker_rlimit_nofile 30000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections 14000; use epoll; }}
http {{
    access_log off;
    keepalive_timeout 600s;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 128M;
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        location ~ ^/pub/(\\w+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_timeout 5m; }}
        location ~ ^/sub/(\\w+)$ {{
            nchan_subscriber longpoll; nchan_channel_id $1;
            nchan_subscriber_timeout 300s; nchan_subscriber_first_message newest;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def children(pid):
    out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [int(child) for child in out.split()]


def until_answers(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}")


@contextmanager
def ended(process):
    """Ends the process with the block; its children go with it."""
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def nginx(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    workers = os.cpu_count()
    configuration.write_text(CONFIGURATION.format(module=MODULE, folder=folder, port=port, user=user, workers=workers))
    command = ["nginx", "-p", folder, "-e", folder / "error.log", "-c", configuration]
    with ended(subprocess.Popen(command)) as master:
        until_answers(port)
        yield f"127.0.0.1:{port}", [master.pid, *children(master.pid)]


@contextmanager
def ours(program, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = folder / "data"
    for command, text in [
        (["customer", "add", "valen"], ""),
        (["user", "add", "ann", "--customer", "valen", "--password-stdin"], PASSWORD),
    ]:
        subprocess.run([program, *command, "--data", data], input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    command = [program, "serve", "--listen", "127.0.0.1:0", "--data", data, "--set", "log=error"]
    # Without limits: what is remembered of a password ends during a run, and then thousands ask at once.
    command += ["--set", "requests_per_s=0", "--set", "failed_logins_free=0"]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as server:
        address = server.stdout.readline().strip().removeprefix("listening on http://")
        until_answers(int(address.rsplit(":", 1)[1]))
        # The first check of a password is slow on purpose, and the first batch warms the runner up.
        basic = urllib.request.Request(f"http://{address}/api/2/batches")
        basic.add_header("Authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=")
        urllib.request.urlopen(basic).read()
        yield address, [server.pid]


def upload(folder, root):
    """A book of one record."""
    path = folder / "book.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("insured.psv", "class.psv"):
            archive.write(root / "testdata" / "samples" / "insureright" / name, name)
    return path


def ask(client, kind, address, pids, waiters, matching, zip_file, rounds=ROUNDS):
    command = [client, kind, address, str(waiters), str(rounds), str(matching), *map(str, pids)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "LONGPOLL_ZIP": str(zip_file)})
    # Connections of the run before are closed before the next one begins.
    time.sleep(1)
    return json.loads(run.stdout)


def allow_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 32_768 if hard == resource.RLIM_INFINITY else min(32_768, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def middle(runs, what):
    return statistics.median(run[what] for run in runs)


def shown(runs):
    p50, p99, last = (middle(runs, f"{what}_us") / 1000 for what in ("p50", "p99", "all"))
    cpu = middle(runs, "event_cpu_us") / 1000
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, all {last:.0f} ms, {cpu:.0f} ms of CPU"


def per_waiter(runs):
    return statistics.median((run["parked_kib"] - run["before_kib"]) / run["waiters"] for run in runs)


def longpoll(program, client, work, root, rounds):
    """Rows of the table of docs/benchmarks.md."""
    allow_files()
    folder = work / "longpoll"
    folder.mkdir(parents=True, exist_ok=True)
    zip_file = upload(folder, root)
    rows = []
    for waiters in WAITERS:
        mine, theirs = [], []
        for number in range(rounds):
            print(f"  round {number + 1}: {waiters} waiters", flush=True)
            # New servers each time: memory that one run has left would hide what the next one takes.
            with ours(program, folder / "bordereau") as (address, pids):
                mine.append(ask(client, "OURS", address, pids, waiters, waiters, zip_file))
            with nginx(folder / "nginx") as (address, pids):
                theirs.append(ask(client, "NCHAN", address, pids, waiters, waiters, zip_file))
        ratio = middle(theirs, "all_us") / middle(mine, "all_us")
        rows.append((f"one event to {waiters:,} long polls", shown(mine), f"nginx + nchan {shown(theirs)}", f"{ratio:.2f}"))
        ratio = per_waiter(theirs) / per_waiter(mine)
        rows.append((f"memory of each of {waiters:,} long polls", f"{per_waiter(mine):.1f} KiB (goal 16)",
                     f"nginx + nchan {per_waiter(theirs):.1f} KiB", f"{ratio:.2f}"))
    for row in rows: print("  " + " | ".join(row), flush=True)
    return rows + selective(program, client, folder, zip_file, rounds)


def selective(program, client, folder, zip_file, rounds):
    """One event to a few while few or many wait for keys of their own; the two in turn."""
    runs = {others: [] for others in OTHERS}
    for number in range(rounds):
        for others in OTHERS:
            print(f"  round {number + 1}: {MATCHING} waiters beside {others}", flush=True)
            with ours(program, folder / "bordereau") as (address, pids):
                waiters = MATCHING + others
                runs[others].append(ask(client, "OURS", address, pids, waiters, MATCHING, zip_file, SELECTIVE_ROUNDS))
    few, many = (runs[others] for others in OTHERS)
    ratio = middle(few, "event_cpu_us") / middle(many, "event_cpu_us")
    what = f"one event to {MATCHING} long polls beside {OTHERS[1]:,} for other keys"
    return [(what, shown(many), f"beside {OTHERS[0]:,} {shown(few)}", f"{ratio:.2f} of CPU")]


def is_installed():
    return MODULE.exists() and shutil.which("nginx") is not None
