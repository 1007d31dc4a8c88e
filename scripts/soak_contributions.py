"""Claims that the customers of `soak` contribute, and what a pool of theirs must hold in the end."""

import hashlib
import io
import json
import pathlib
import subprocess
import zipfile

import pyarrow.parquet

CONTRIBUTING = "manage/claim_detail"
#: Contributions that differ; each has half of its claims in common with its neighbours.
COUNT = 5
CLAIMS = 3_000


def numbers(at):
    """The claims of a contribution."""
    return range(at * CLAIMS // 2, at * CLAIMS // 2 + CLAIMS)


def claims(at):
    """The zip of a contribution. It has a few claims that are rejected."""
    lines = ["claim_number,date_of_injury,claim_type_code,medical_loss_paid,total_incurred,claim_adjuster"]
    lines += [f"{number},6/6/14,WC - Med Only,{number % 977}.5,{number},adjuster {at}" for number in numbers(at)]
    lines += [f"bad-{number},no day at all,WC - Med Only,1,1," for number in range(5)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("claim.csv", "\n".join(lines) + "\n")
    return out.getvalue()


def listed(program, data, customer):
    """What `bordereau contributions` says of a customer's files."""
    command = [program, "contributions", "--json", "--customer", customer, "--data", data]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in text.splitlines()]


def pool_faults(customer, files, accepted):
    """What is wrong with a customer's pool: it must hold of each claim the row of the contribution that was accepted
    last, and nothing else. `accepted` are the contributions in that order, with their keys."""
    wanted, found = {}, {}
    for at, key in accepted:
        wanted.update({str(number): (key, f"adjuster {at}") for number in numbers(at)})
    for file in files:
        content = pathlib.Path(file["file"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            yield f"{customer}: {file['file']} is not what its digest says"
        table = pyarrow.parquet.read_table(io.BytesIO(content))
        columns = [table.column(name).to_pylist() for name in ("claim_number", "batch_key", "claim_adjuster")]
        for number, key, adjuster in zip(*columns):
            if key != file["batchKey"]:
                yield f"{customer}: a row of {key} lies in the file of {file['batchKey']}"
            if number in found:
                yield f"{customer}: claim {number} is there twice"
            found[number] = (key, adjuster)
    lost = wanted.keys() - found.keys()
    others = [number for number in found if found[number] != wanted.get(number)]
    if lost:
        yield f"{customer}: {len(lost)} claims are missing in the pool"
    if others:
        yield f"{customer}: {len(others)} claims in the pool are not those that were contributed last"
