"""Holds a running server against its own OpenAPI document, by schemathesis.

    pip install -r scripts/oracle/http-requirements.txt
    cargo build -p bordereau
    python scripts/oracle/http_oracle.py --program target/debug/bordereau [--examples N] [--seed N]

Two servers are started on free ports, each in a temporary folder with customers, users, batches, a profile and a
webhook: one is asked as an integrator for everything but `/api/2/admin`, the other one as an administrator for that
(what it changes would else keep the integrator out). Requests are made from `/api/2/openapi.json`, right ones and wrong
ones; scripts/oracle/schemathesis.toml says what is checked and what is left out, with reasons, and http_hooks.py which
names and zips are put in. Exits with 1 when any check fails, any request fails to be made, a server does not answer as
an error of its own (5xx), or it does not end well when it is asked to. What failed is printed with a `curl` line.
"""

import argparse
import base64
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

PASSWORD = "correct horse"
# How long a batch of three rows may take on a busy machine.
PATIENCE_S = 120
BOUNDARY = "7f3a0c"


@dataclass
class Part:
    """A part of the document, and who asks for it."""
    name: str
    user: str
    paths: list


PARTS = [
    Part("integrator", "ann", ["--exclude-path-regex", "^/api/2/admin"]),
    Part("administrator", "root", ["--include-path-regex", "^/api/2/admin"]),
]


class Server:
    """A server of its own data folder, with something to ask for."""

    def __init__(self, program, folder):
        self.program, self.data = program, str(folder / "data")
        for customer in ["valen", "acme", "spare"]:
            self.run("customer", "add", customer)
        for user, customer, role in [
            ("ann", "valen", "integrator"), ("zoe", "acme", "analyst"), ("root", "acme", "administrator")]:
            self.run("user", "add", user, "--customer", customer, "--role", role, "--password-stdin", said=PASSWORD)
        self.log = (folder / "log").open("w+")
        # Wrong credentials and many requests are what is asked here.
        settings = ["failed_logins_free=0", "requests_per_s=0", "log=warn", "webhook_networks=127.0.0.1"]
        line = [program, "serve", "--data", self.data, "--listen", "127.0.0.1:0"]
        line += [word for setting in settings for word in ("--set", setting)]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=self.log, text=True)
        said = self.process.stdout.readline()
        if not said.startswith("listening on "):
            raise SystemExit(f"the server did not start: {self.logged()}")
        self.url = said.split()[-1]

    def run(self, *words, said=None):
        line = [self.program, *words, "--data", self.data]
        done = subprocess.run(line, input=said, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def ask(self, method, path, body=None, **headers):
        """Status and body of an answer to ann."""
        headers["Authorization"] = "Basic " + base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode(errors="replace"), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace"), error.headers

    def send(self, path, zipped):
        body = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="book.zip"\r\n\r\n'.encode()
                + zipped + f"\r\n--{BOUNDARY}--\r\n".encode())
        status, key, _ = self.ask("POST", path, body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
        if status != 200:
            raise SystemExit(f"{path}: {status} {key}")
        return key

    def filled(self):
        """Values that mean something, by the names of the variable parts of paths."""
        from http_hooks import some_zip
        samples = (some_zip(random.Random(seed)) for seed in range(100))
        sample = next(zipped for zipped in samples if b"insured.psv" in zipped and b"class.psv" in zipped)
        keys = [self.send("/api/2/batch/insureright/scoring", sample), self.send("/api/2/batch/profile", sample)]
        webhook = json.dumps({"url": self.url + "/healthz"}).encode()
        status, made, _ = self.ask("POST", "/api/2/webhooks", webhook, Content_Type="application/json")
        assert status == 201, made
        encoded = {name: base64.b64encode(text.encode()).decode()
                   for name, text in [("solution", "insureright"), ("submission", "scoring")]}
        metadata = ",".join(f"{name} {value}" for name, value in encoded.items())
        status, said, headers = self.ask("POST", "/api/2/uploads", b"", Tus_Resumable="1.0.0",
                                         Upload_Length=str(len(sample)), Upload_Metadata=metadata)
        assert status == 201, said
        self.until_ended(keys)
        return {
            "version": ["1", "version"], "solution": ["insureright", "ca"], "submission": ["scoring"], "key": keys,
            "id": [json.loads(made)["id"], headers["Location"].split("/")[-1]],
            "customer": ["valen", "spare"], "user": ["ann", "zoe"],
        }

    def until_ended(self, keys):
        patient_until = time.monotonic() + PATIENCE_S
        for key in keys:
            while json.loads(self.ask("GET", f"/api/2/batches/{key}")[1])["state"] not in ("finished", "failed"):
                if time.monotonic() > patient_until:
                    raise SystemExit("the sample is not done")
                time.sleep(0.1)

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Ends the server; what is wrong with its end or its log."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return ["the server does not end"]
        wrong = [] if code == 0 else [f"the server ended with {code}"]
        return wrong + [line for line in self.logged().splitlines() if " ERROR " in line or "panicked" in line]


def begun(part, server, known, args):
    """schemathesis at work; its output goes to a file."""
    output = tempfile.TemporaryFile("w+")
    line = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(FOLDER / "schemathesis.toml"), "run",
        f"{server.url}/api/2/openapi.json", "--auth", f"{part.user}:{PASSWORD}", *part.paths, "--no-color",
        "--max-examples", str(args.examples), "--seed", str(args.seed),
    ]
    environment = {**os.environ, "BORDEREAU_KNOWN": json.dumps(known), "PYTHONPATH": str(FOLDER),
                   "SCHEMATHESIS_HOOKS": "http_hooks", "COLUMNS": "120"}
    return subprocess.Popen(line, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=args.scratch), output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--examples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    args.program = os.path.abspath(args.program)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        args.scratch, running = folder, []
        try:
            for part in PARTS:
                place = Path(folder) / part.name
                place.mkdir()
                server = Server(args.program, place)
                running.append((part, server, *begun(part, server, server.filled(), args)))
        finally:
            for part, server, asking, output in running:
                code = asking.wait()
                wrong = server.stop()
                output.seek(0)
                print(f"== as {part.name}, seed {args.seed}\n{output.read()}", *wrong, sep="\n")
                failed |= code != 0 or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
