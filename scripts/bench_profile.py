"""The part `profile` of scripts/bench: profiles of the peers' two files, by us and by them, in turn in one run."""

import os
import shutil
import subprocess
import sys

PACKAGES = {
    "profile": ["duckdb==2.0.1", "polars==2.1.0", "pandas==3.1.1", "pyarrow", "numpy==2.4.6"],
    "whylogs": ["whylogs==1.6.4", "pandas<3", "numpy<2"],
}
# Of prof.py: its name, the files it is run on, threads.
SCRIPTS = [
    ("duckdb-summarize", "DuckDB `SUMMARIZE`", ("policy", "wide"), (2, 1)),
    ("duckdb-fullexact", "DuckDB counts, quantiles, top values, exact", ("policy", "wide"), (2,)),
    ("polars-full-stream", "polars, the same statistics", ("policy",), (2,)),
    ("polars-describe", "polars `describe`", ("policy",), (2,)),
    ("pandas-describe", "pandas `describe`", ("policy",), (2,)),
]
GOALS = {("duckdb-summarize", "policy", 2): 3, ("duckdb-summarize", "wide", 2): 3, ("duckdb-summarize", "policy", 1): 3,
         ("duckdb-fullexact", "policy", 2): 5}


class Profiles:
    """What the runs need: the folder of work, the peers' scripts, our program, and how a command is run and timed."""

    def __init__(self, work, peers, program, in_turn, median):
        self.work, self.peers, self.program, self.in_turn, self.median = work, peers, program, in_turn, median

    def python(self, name):
        python = self.work / f"venv-{name}" / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
            subprocess.run([python, "-m", "pip", "-q", "install", *PACKAGES[name]], check=True)
        return python

    def files(self):
        for folder in ("data", "out"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        if not (self.work / "data" / "wide.csv").exists():
            subprocess.run([self.python("profile"), self.peers / "profile" / "gen.py"], cwd=self.work, check=True)

    def ours(self, file, threads):
        command = [self.program, "profile", f"data/{file}.csv", "--threads", str(threads), f"--json=out/{file}.json"]
        return {"name": f"bordereau {file}, {threads} threads", "command": list(map(str, command)), "cwd": self.work}

    def script(self, tool, file, threads, venv="profile"):
        command = [self.python(venv), self.peers / "profile" / "prof.py", tool, f"data/{file}.csv", threads]
        if threads == 1:
            command = ["taskset", "-c", "0", *command]
        return {"name": f"{tool} {file}, {threads} threads", "command": list(map(str, command)), "cwd": self.work}

    def tokenizer(self):
        folder = self.work / "tokenizer"
        shutil.copytree(self.peers / "tokenizer", folder, dirs_exist_ok=True)
        # It is no member of the workspace around it.
        with open(folder / "Cargo.toml", "a") as manifest:
            manifest.write("\n[workspace]\n")
        target = folder / "target"
        subprocess.run(["cargo", "build", "-q", "--release"], cwd=folder, env={**os.environ, "CARGO_TARGET_DIR": str(target)},
                       check=True)
        return target / "release" / "tok"


def commands(of):
    """What is compared: (what, peer's name, ours, theirs, goal)."""
    for tool, name, files, counts in SCRIPTS:
        for file in files:
            for threads in counts:
                ours = of.ours(file, threads)
                if threads == 1:
                    ours["command"] = ["taskset", "-c", "0", *ours["command"]]
                what = f"{file}.csv, {threads} thread{'s' if threads > 1 else ''}"
                yield what, name, ours, of.script(tool, file, threads), GOALS.get((tool, file, threads))
    small = of.script("whylogs", "policy_200k", 2, "whylogs")
    yield "first 200,000 rows of policy.csv, 2 threads", "whylogs", of.ours("policy_200k", 2), small, None
    for program, more in (("xan", ["stats", "-A"]), ("qsv", ["stats", "--everything", "--force"])):
        if shutil.which(program):
            theirs = {"name": program, "command": [program, *more, "data/policy.csv"], "cwd": of.work}
            yield "policy.csv, 2 threads", f"{program} {' '.join(more)}", of.ours("policy", 2), theirs, None


def limits(of):
    data = of.work / "data" / "policy.csv"
    yield "cat", ["cat", data]
    yield "`wc -l`", ["wc", "-l", data]
    tokenizer = of.tokenizer()
    yield "bare `simd-csv` tokenizer, one thread", [tokenizer, "zccells", data, "1"]


def succeeded(in_turn):
    """As `in_turn`, but a program that fails ends the benchmark instead of being quick."""

    def checked(rounds, *commands):
        kept = in_turn(rounds, *commands)
        for runs, command in zip(kept, commands):
            if any(run.code != 0 for run in runs):
                sys.exit(f"{command['name']} failed")
        return kept

    return checked


def profile(of, rounds):
    """Rows of the page: what, ours, theirs, how many times as fast."""
    of.files()
    of.in_turn = succeeded(of.in_turn)
    rows = []
    for what, name, ours, theirs, goal in commands(of):
        our_runs, their_runs = of.in_turn(rounds, ours, theirs)
        ours_s, theirs_s = of.median(our_runs, "seconds"), of.median(their_runs, "seconds")
        wanted = f" (goal {goal})" if goal else ""
        rows.append((what, f"{ours_s:.2f} s, {of.median(our_runs, 'peak_mib'):.0f} MiB",
                     f"{name} {theirs_s:.2f} s, {of.median(their_runs, 'peak_mib'):.0f} MiB", f"{theirs_s / ours_s:.2f}{wanted}"))
    for name, command in limits(of):
        ours = of.ours("policy", 1 if "one" in name else 2)
        our_runs, their_runs = of.in_turn(rounds, ours, {"name": name, "command": list(map(str, command)), "cwd": of.work})
        ours_s, theirs_s = of.median(our_runs, "seconds"), of.median(their_runs, "seconds")
        rows.append(("policy.csv, a limit", f"{ours_s:.2f} s", f"{name} {theirs_s:.2f} s", f"{theirs_s / ours_s:.2f}"))
    return rows
