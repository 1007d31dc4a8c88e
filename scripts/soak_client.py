"""The server under `soak`, and a client that repeats what was not answered."""

import base64
import http.client
import os
import socket
import subprocess
import time

PASSWORD = "correct horse"
#: What has not come to its end by then, after the last kill, never will.
PATIENCE_S = 600


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Server:
    """The program on one data folder, on one port, killed and started again."""

    def __init__(self, program, data):
        self.program, self.data, self.port, self.process = program, data, free_port(), None
        self.kills, self.down_s = 0, 0.0
        self.settings = {**os.environ, "BORDEREAU_LOG": "off", "BORDEREAU_WEBHOOK_NETWORKS": "127.0.0.0/8"}

    def run(self, *arguments, text=None):
        command = [self.program, *arguments, "--data", self.data]
        return subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.PIPE, env=self.settings).stdout

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(
            [self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.data],
            stdout=subprocess.PIPE, env=self.settings)
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on "):
            raise RuntimeError(f"the server does not start: {line!r}")
        self.down_s += time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()


class Client:
    """One customer's integrator: repeats what was not answered."""

    def __init__(self, server, user):
        credentials = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        self.server, self.headers, self.repeated = server, {"Authorization": f"Basic {credentials}"}, 0

    def exchange(self, method, path, body, headers):
        """One request: status, headers and body of the answer; None when the connection broke."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=90)
        try:
            connection.request(method, path, body, {**self.headers, **headers})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def once(self, method, path, body=None, kind=None):
        """One request: status and body; None when the connection broke."""
        answer = self.exchange(method, path, body, {"Content-Type": kind} if kind else {})
        return answer and (answer[0], answer[2])

    def ask(self, method, path, body=None, kind=None):
        """A request, again and again until it is answered in full."""
        while True:
            answer = self.once(method, path, body, kind)
            if answer and answer[0] not in (429, 503):
                return answer
            self.repeated += 1
            time.sleep(0.1)

    def post(self, path, key, upload):
        body = b"--soak\r\nContent-Disposition: form-data; name=\"file\"; filename=\"book.zip\"\r\n\r\n"
        body += upload + b"\r\n--soak--\r\n"
        return self.ask("POST", f"/api/2/batch/{path}?batchKey={key}", body, "multipart/form-data; boundary=soak")

    def until(self, path, ready=lambda body: True):
        """The body of an answer 200 that is ready; raises on any other but 404."""
        began = time.monotonic()
        while True:
            status, body = self.ask("GET", path)
            if status == 200 and ready(body):
                return body
            if status not in (200, 404):
                raise AssertionError(f"{path}: {status} {body[:300]!r}")
            if time.monotonic() - began > PATIENCE_S:
                raise AssertionError(f"{path} never comes to its end")
            time.sleep(0.1)
