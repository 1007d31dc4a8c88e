#!/usr/bin/env python3
"""Sends a zip in pieces (tus 1.0.0) and goes on where it broke, until it is a batch; prints the batch key.

    python3 resumable_upload.py URL USER PASSWORD SOLUTION SUBMISSION ZIP [PIECE_BYTES]

Only the standard library is needed.
"""

import base64
import hashlib
import http.client
import os
import sys
import time
import urllib.parse

TRIES = 60
WAIT_S = 2


def main() -> None:
    url, user, password, solution, submission, path, *more = sys.argv[1:]
    piece_bytes = int(more[0]) if more else 8 << 20
    server = urllib.parse.urlsplit(url)
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    common = {"Authorization": f"Basic {credentials}", "Tus-Resumable": "1.0.0"}

    def ask(method, target, headers, body=None):
        kind = http.client.HTTPSConnection if server.scheme == "https" else http.client.HTTPConnection
        connection = kind(server.netloc, timeout=120)
        try:
            connection.request(method, target, body=body, headers={**common, **headers})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            return answer.status, answer.headers, text
        finally:
            connection.close()

    asked = {"solution": solution, "submission": submission, "filename": os.path.basename(path)}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in asked.items())
    size = os.path.getsize(path)
    status, headers, text = ask("POST", "/api/2/uploads", {"Upload-Length": str(size), "Upload-Metadata": metadata})
    if status != 201:
        sys.exit(f"{status}: {text}")
    target, key, offset, tries = headers["Location"], headers["Batch-Key"], 0, 0
    with open(path, "rb") as book:
        while offset < size:
            book.seek(offset)
            piece = book.read(piece_bytes)
            checksum = base64.b64encode(hashlib.sha256(piece).digest()).decode()
            sent = {
                "Content-Type": "application/offset+octet-stream",
                "Upload-Offset": str(offset),
                "Upload-Checksum": f"sha256 {checksum}",
            }
            try:
                status, headers, text = ask("PATCH", target, sent, piece)
            except OSError:
                status = 0
            if status == 204:
                offset, tries = int(headers["Upload-Offset"]), 0
                continue
            # 0: the line broke. The others may pass; what else there is will not.
            tries += 1
            if status not in (0, 408, 409, 423, 429, 460, 500, 503, 507) or tries > TRIES:
                sys.exit(f"{status}: {text}")
            time.sleep(WAIT_S)
            try:
                status, headers, _ = ask("HEAD", target, {})
            except OSError:
                continue
            if status == 200:
                offset = int(headers["Upload-Offset"])
            elif status == 404:
                # Ended by what the last piece was answered.
                sys.exit(text or "the upload is gone")
    print(key)


if __name__ == "__main__":
    main()
