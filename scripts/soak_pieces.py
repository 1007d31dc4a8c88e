"""Uploads that the customers of `soak` send in pieces (tus 1.0.0), through whatever happens to the server."""

import base64
import hashlib
import time

#: An upload has about so many pieces.
PIECES = 8
#: A piece is still being put away, the upload is elsewhere by now, or there is too much to do: look again.
LATER = (409, 423, 429, 503)


def create(client, path, key, length):
    """Begins an upload that is to be the batch `key`; its place."""
    solution, submission = path.split("/")
    pairs = {"solution": solution, "submission": submission, "batchKey": key}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())
    status, headers, body = request(client, "POST", "/api/2/uploads",
                                    {"Upload-Length": str(length), "Upload-Metadata": metadata})
    if status != 201:
        raise AssertionError(f"an upload cannot be begun: {status} {body[:200]!r}")
    return headers["Location"]


def request(client, method, place, headers=None):
    """A request without a body, again and again until it is answered."""
    while True:
        answer = client.exchange(method, place, None, {"Tus-Resumable": "1.0.0", **(headers or {})})
        if answer and answer[0] not in (423, 429, 503):
            return answer
        client.repeated += 1
        time.sleep(0.1)


def send(client, path, key, upload, chance):
    """Sends an upload; how many pieces were acknowledged. What was said to be there must be there ever after."""
    place = create(client, path, key, len(upload))
    acknowledged = sent = pieces = 0
    while True:
        status, headers, _ = request(client, "HEAD", place)
        if status != 200:
            raise AssertionError(f"the upload {key} is gone after {acknowledged} bytes: {status}")
        at = int(headers["Upload-Offset"])
        if not acknowledged <= at <= sent:
            raise AssertionError(f"the upload {key} is at {at}; {acknowledged} were acknowledged, {sent} sent")
        if at == len(upload):
            return pieces
        piece = upload[at:at + chance.randint(1, 2 * len(upload) // PIECES)]
        sent = max(sent, at + len(piece))
        status = put(client, place, at, piece, chance.random() < 0.5)
        if status == 204:
            acknowledged, pieces = at + len(piece), pieces + 1
        elif status not in (None, *LATER):
            raise AssertionError(f"a piece of {key} is answered {status}")


def put(client, place, at, piece, is_summed):
    """Sends one piece once; the status of the answer, none when the connection broke."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
    if is_summed:
        headers["Upload-Checksum"] = f"sha256 {base64.b64encode(hashlib.sha256(piece).digest()).decode()}"
    answer = client.exchange("PATCH", place, piece, headers)
    if not answer or answer[0] in LATER:
        client.repeated += 1
        time.sleep(0.1)
    return answer and answer[0]


def think_better(client, path, key, upload, chance):
    """Begins an upload and removes it again; where it was."""
    place = create(client, path, key, len(upload))
    put(client, place, 0, upload[:chance.randrange(1, len(upload))], False)
    status, _, _ = request(client, "DELETE", place)
    if status not in (204, 404):
        raise AssertionError(f"removing {place} is answered {status}")
    return place


def is_gone(client, place):
    """Whether there is no such upload."""
    return request(client, "HEAD", place)[0] == 404
