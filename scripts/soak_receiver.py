"""The receiver of the webhooks of `soak`, which outlives every server that sends to it."""

import base64
import hashlib
import hmac
import http.server
import json
import random
import threading
import time

#: One message of so many is refused when it comes first.
REFUSED_OF = 50
#: How long an answer takes at the most, so that kills come between a message and its answer.
ANSWER_S_MAX = 0.04


class Receiver:
    """Takes messages, those of each customer at its own path."""

    def __init__(self):
        self.messages, self.refused, self.lock = {}, set(), threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                head = {name: self.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
                status = receiver.take(self.path.strip("/"), head, body)
                time.sleep(random.uniform(0, ANSWER_S_MAX))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

            def handle_error(self, *_):
                """The server that sends was killed in the middle of a message."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def address(self, customer):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{customer}"

    def take(self, customer, head, body):
        """Notes a message; the status to answer it with."""
        with self.lock:
            first = (customer, head["id"]) not in self.refused
            if first and random.randrange(REFUSED_OF) == 0:
                self.refused.add((customer, head["id"]))
                status = 503
            else:
                status = 204
            self.messages.setdefault(customer, []).append((head, body))
            return status

    def came(self, customer):
        with self.lock:
            return list(self.messages.get(customer, []))

    def wait_for(self, customer, event, patience_s):
        """Waits until the last event of a customer has come."""
        began = time.monotonic()
        while time.monotonic() - began < patience_s:
            came = self.came(customer)
            if came and json.loads(came[-1][1]) == event:
                return
            time.sleep(0.2)

    def faults(self, customer, events, secret):
        """What is wrong with what came: each of the events at least once, in order, signed, under one id and with the
        same bytes each time."""
        key, bodies, first = base64.b64decode(secret.removeprefix("whsec_")), {}, []
        for head, body in self.came(customer):
            signed = f"{head['id']}.{head['timestamp']}.".encode() + body
            signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
            if head["signature"] != f"v1,{signature}":
                yield f"{customer}: the message {head['id']} is not signed as it must be"
            if head["id"] not in bodies:
                first.append(json.loads(body))
            if bodies.setdefault(head["id"], body) != body:
                yield f"{customer}: the message {head['id']} came with other bytes"
        if first != events:
            same = (one == other for one, other in zip(first, events))
            at = next((at for at, is_same in enumerate(same) if not is_same), min(len(first), len(events)))
            yield f"{customer}: {len(first)} events came by webhook, {len(events)} were told; they part at {at}"

    def repeated(self, customer):
        """How many messages came again."""
        came = self.came(customer)
        return len(came) - len({head["id"] for head, _ in came})
