#!/usr/bin/env python3
"""Refuses edges of the crate graph that the architecture does not have.

Reads `cargo metadata --no-deps`. Two tables below say which of our crates each crate may use, and which external crates
have one home only. Dependencies for tests and builds count like any others. A crate that git ignores is not part of
the project and is not looked at.

    scripts/check/crate_graph.py              check this workspace
    scripts/check/crate_graph.py FILE.json    check metadata from a file

Exits with 1 and one line for each fault.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Crate -> our crates that it may use.
MAY_USE = {
    "bordereau-base": set(),
    "bordereau-sketch": set(),
    "bordereau-files": {"bordereau-base"},
    "bordereau-model": {"bordereau-base"},
    "bordereau-profile": {"bordereau-base", "bordereau-sketch", "bordereau-files"},
    "bordereau-report": {"bordereau-base", "bordereau-profile"},
    "bordereau-engine": {
        "bordereau-base",
        "bordereau-sketch",
        "bordereau-files",
        "bordereau-model",
        "bordereau-profile",
    },
    "bordereau-jobs": {"bordereau-base", "bordereau-files", "bordereau-profile", "bordereau-engine"},
    "bordereau-server": {"bordereau-base", "bordereau-profile", "bordereau-report", "bordereau-jobs"},
    "bordereau": {
        "bordereau-base",
        "bordereau-sketch",
        "bordereau-files",
        "bordereau-profile",
        "bordereau-report",
        "bordereau-model",
        "bordereau-engine",
        "bordereau-jobs",
        "bordereau-server",
    },
}

# External crate -> its one home. A name that ends in `*` stands for all that begin so.
HOME = {
    "axum*": "bordereau-server",
    "utoipa*": "bordereau-server",
    "multer": "bordereau-server",
    "prometheus-client": "bordereau-server",
    "sqlx*": "bordereau-jobs",
    "object_store": "bordereau-jobs",
    "datafusion*": "bordereau-engine",
    "ballista*": "bordereau-engine",
    "clap*": "bordereau",
    "indicatif": "bordereau",
}


def home_of(name):
    """The one crate that may depend on the external crate `name`, or None when any may."""
    for pattern, home in HOME.items():
        if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return home
    return None


def faults(metadata):
    """Sentences, one for each fault of the graph in `metadata`."""
    packages = metadata["packages"]
    ours = {package["name"] for package in packages}
    found = []
    for package in packages:
        name = package["name"]
        if name not in MAY_USE:
            found.append(f"{name}: not a crate of the architecture; add it to MAY_USE with what it may use")
            continue
        for dependency in package["dependencies"]:
            used = dependency["name"]
            home = home_of(used)
            if (used in ours or used in MAY_USE) and used != name and used not in MAY_USE[name]:
                found.append(f"{name}: must not use {used}")
            elif home is not None and home != name:
                found.append(f"{name}: must not use {used}, whose home is {home}")
    return sorted(set(found))


def ignored_by_git(path):
    """Whether git ignores the file; false without git."""
    if not shutil.which("git"):
        return False
    asked = subprocess.run(["git", "check-ignore", "-q", str(path)], cwd=ROOT, capture_output=True, check=False)
    return asked.returncode == 0


def workspace_metadata():
    """What cargo says of this workspace, without crates that git ignores."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    packages = metadata["packages"]
    metadata["packages"] = [package for package in packages if not ignored_by_git(package["manifest_path"])]
    return metadata


def main(arguments):
    metadata = json.loads(Path(arguments[0]).read_text(encoding="utf-8")) if arguments else workspace_metadata()
    found = faults(metadata)
    for fault in found:
        print(fault)
    print(f"crate graph: {len(metadata['packages'])} crates, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
