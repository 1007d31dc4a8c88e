"""The part `scoring` of scripts/bench: predictions and exact contributions of five models, by us and by their libraries.

    scripts/bench scoring             the table, on one and two threads
    scripts/bench_scoring.py PEER     one figure of a peer's, as JSON (scripts/bench calls it, in the peer's environment)

Models and rows are those of the peers' scripts (gen.py, train_lgb.py, train_other.py). Rates are rows/s inside the process
after a warm-up, the median of five passes; both sides run in turn, round after round.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PACKAGES = {
    "scoring": ["lightgbm==4.7.0", "xgboost==3.2.0", "catboost==1.2.10", "scikit-learn==1.9.1", "pandas==3.1.1",
                "numpy==2.4.6"],
    # These want an older NumPy, and lleaves a compiler with the passes of old.
    "lleaves": ["lleaves==1.3.0", "llvmlite<0.45", "lightgbm==4.7.0", "numpy<2.3", "pandas<3"],
    "woodelf": ["woodelf_explainer==0.4.8", "lightgbm==4.7.0", "xgboost==3.2.0", "numpy<2.3", "pandas<3"],
}
MODELS = {"ord": "lgb_ord.txt", "cat": "lgb_cat.txt", "xgb": "xgb.json", "cb": "cat.cbm", "glm": "glm.pmml"}
NAMES = {"ord": "LightGBM 500 x 63", "cat": "LightGBM 500 x 63, 4 categoricals", "xgb": "XGBoost 500 x depth 6",
         "cb": "CatBoost 500 x depth 6", "glm": "GLM, 59 terms"}
# Model, what, peer, its environment, the peer's rows, what ours is to be times the peer's.
PAIRS = [
    ("ord", "score", "lightgbm", "scoring", 20_000, 8),
    ("ord", "score", "lleaves", "lleaves", 40_000, 2),
    ("cat", "score", "lightgbm", "scoring", 20_000, 10),
    ("xgb", "score", "xgboost", "scoring", 40_000, 3),
    ("cb", "score", "catboost", "scoring", 40_000, 1),
    ("glm", "score", "numpy", "scoring", 40_000, 1),
    ("ord", "explain", "lightgbm", "scoring", 300, 50),
    ("ord", "explain", "woodelf", "woodelf", 40_000, 4),
    ("xgb", "explain", "xgboost", "scoring", 300, 50),
    ("xgb", "explain", "woodelf", "woodelf", 40_000, 3),
    ("cb", "explain", "catboost", "scoring", 10_000, 1),
]
ROWS = 40_960
CALL_ROWS = 8_192
LARGE_TREES = 5_000


def peer(lib, model, what, rows, threads):
    """Median rows/s of a peer, run in its own environment from the folder that has `data`."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    import numpy as np

    table = np.load("data/X.npy")[:rows]
    explains = what == "explain"
    if lib == "lightgbm":
        import lightgbm

        booster, table = lightgbm.Booster(model_file=f"data/{MODELS[model]}"), table.astype(np.float64)
        run = lambda rows: booster.predict(rows, num_threads=threads, pred_contrib=explains)
    elif lib == "lleaves":
        import lleaves

        compiled, table = lleaves.Model(model_file=f"data/{MODELS[model]}"), table.astype(np.float64)
        compiled.compile(cache=f"data/lleaves_{model}.bin")
        run = lambda rows: compiled.predict(rows, n_jobs=threads)
    elif lib == "xgboost":
        import xgboost

        booster = xgboost.Booster(model_file="data/xgb.json")
        booster.set_param({"nthread": threads})
        run = lambda rows: (booster.predict(xgboost.DMatrix(rows, nthread=threads), pred_contribs=True) if explains
                            else booster.inplace_predict(rows))
    elif lib == "catboost":
        from catboost import CatBoostRegressor, Pool

        booster = CatBoostRegressor().load_model("data/cat.cbm")
        run = lambda rows: (booster.get_feature_importance(Pool(rows, thread_count=threads), type="ShapValues",
                                                           thread_count=threads) if explains
                            else booster.predict(rows, thread_count=threads))
    elif lib == "woodelf":
        import pandas
        from woodelf import WoodelfExplainer

        if model == "xgb":
            import xgboost

            booster, names = xgboost.Booster(model_file="data/xgb.json"), [f"f{at}" for at in range(table.shape[1])]
        else:
            import lightgbm

            booster, table = lightgbm.Booster(model_file=f"data/{MODELS[model]}"), table.astype(np.float64)
            names = booster.feature_name()
        explainer, table = WoodelfExplainer(booster, None), pandas.DataFrame(table, columns=names)
        run = explainer.shap_values
    else:
        table, weights = np.load("data/glm_rows.npy")[:rows], np.load("data/glm.npz")["coef"]
        run = lambda rows: np.exp(rows @ weights)
    # Woodelf is for whole batches and takes long for the first.
    passes = 1 if lib == "woodelf" else 5
    if passes > 1:
        run(table[:1000])
    seconds = []
    for _ in range(passes):
        began = time.perf_counter()
        run(table)
        seconds.append(time.perf_counter() - began)
    return len(table) / sorted(seconds)[passes // 2]


GLM = """
import os, numpy as np
from glm import design
rows = design(np.load("data/X.npy")[:%d])
np.save("data/glm_rows.npy", rows)
rows[:, 1:].tofile("data/glm.f64")
coef = np.load("data/glm.npz")["coef"]
names = [f"t{at}" for at in range(1, 60)]
fields = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in names)
used = "".join(f'<MiningField name="{name}"/>' for name in names)
terms = "".join(f'<NumericPredictor name="{name}" coefficient="{float(c)!r}"/>' for name, c in zip(names, coef[1:]))
open("data/glm.pmml", "w").write('<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>' + fields
    + '<DataField name="y" optype="continuous" dataType="double"/></DataDictionary><RegressionModel functionName="regression"'
    + ' normalizationMethod="exp"><MiningSchema>' + used + '<MiningField name="y" usageType="target"/></MiningSchema>'
    + f'<RegressionTable intercept="{float(coef[0])!r}">' + terms + '</RegressionTable></RegressionModel></PMML>')
np.load("data/X.npy")[:%d].astype("<f8").tofile("data/rows.f64")
"""


class Scoring:
    """What the runs need: the folder of work, the peers' scripts, and our program `rates`."""

    def __init__(self, work, peers, rates):
        self.work, self.peers, self.rates = work, peers, rates

    def python(self, name):
        python = self.work / f"venv-{name}" / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
            subprocess.run([python, "-m", "pip", "-q", "install", *PACKAGES[name]], check=True)
        return python

    def make(self):
        """Rows and models, made once."""
        for folder in ("data", "out"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(self.peers)}
        steps = [("X.npy", "gen.py"), ("lgb_cat.txt", "train_lgb.py"), ("glm.npz", "train_other.py")]
        for file, script in steps:
            if not (self.work / "data" / file).exists():
                subprocess.run([self.python("scoring"), self.peers / script], cwd=self.work, env=environment, check=True)
        if not (self.work / "data" / "rows.f64").exists():
            code = GLM % (ROWS, ROWS)
            subprocess.run([self.python("scoring"), "-c", code], cwd=self.work, env=environment, check=True)
        large = self.work / "data" / "lgb_large.txt"
        if not large.exists():
            large.write_text(repeated((self.work / "data" / MODELS["ord"]).read_text(), LARGE_TREES))

    def ours(self, model, what, rows, call, threads):
        name, width = ("glm.f64", 59) if model == "glm" else ("rows.f64", 34)
        table = self.work / "data" / name
        part = self.work / "data" / f"part-{rows}-{name}"
        if not part.exists():
            part.write_bytes(table.read_bytes()[:rows * width * 8])
        file = self.work / "data" / MODELS.get(model, "lgb_large.txt")
        command = [self.rates, file, part, str(width), what, str(call), str(threads)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def theirs(self, lib, environment, model, what, rows, threads):
        command = [self.python(environment), __file__, lib, model, what, str(rows), str(threads)]
        run = subprocess.run(command, cwd=self.work, check=True, capture_output=True, text=True)
        return float(run.stdout.strip().splitlines()[-1])


def repeated(text, count):
    """A LightGBM file with the trees of another over and over."""
    head, *trees = text.split("\nTree=")
    bodies = [tree.split("\n", 1)[1].split("end of trees")[0] for tree in trees]
    lines = [line for line in head.split("\n") if not line.startswith("tree_sizes")]
    parts = [f"Tree={at}\n{bodies[at % len(bodies)].strip()}\n\n" for at in range(count)]
    return "\n".join(lines).rstrip() + "\n\n" + "\n".join(parts) + "\nend of trees\n"


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def pair(scoring, one, rounds):
    """Ours and a peer's on one thread in turn, and ours on two."""
    model, what, lib, environment, peer_rows, goal = one
    ours, two, theirs = [], [], []
    for _ in range(rounds):
        ours.append(scoring.ours(model, what, ROWS, CALL_ROWS, 1)["rows_s"])
        theirs.append(scoring.theirs(lib, environment, model, what, peer_rows, 1))
        two.append(scoring.ours(model, what, ROWS, CALL_ROWS, 2)["rows_s"])
    ours, two, theirs = median(ours), median(two), median(theirs)
    named = "TreeSHAP" if what == "explain" else "predict"
    return (f"{named}, {NAMES[model]}", f"{ours:,.0f} rows/s; two threads {two:,.0f} ({two / ours:.2f} times)",
            f"{lib} {theirs:,.0f} rows/s", f"{ours / theirs:.1f} (goal {goal})")


def small(scoring, model, what):
    """Ours by the rows of a call."""
    parts = []
    for call, rows in ((1, 200), (100, 2_000), (10_000, 40_000)):
        parts.append(f"{call:,}: {scoring.ours(model, what, rows, call, 1)['rows_s']:,.0f}")
    named = "TreeSHAP" if what == "explain" else "predict"
    return (f"{named}, {NAMES[model]}, rows/s by rows in a call", "; ".join(parts), "", "")


def scoring(runs, rounds):
    """The rows of the part."""
    runs.make()
    rows = [pair(runs, one, rounds) for one in PAIRS]
    rows += [small(runs, model, what) for model in ("ord", "xgb", "cb") for what in ("score", "explain")]
    large = runs.ours("large", "score", 200, 100, 1)
    rows.append((f"load {LARGE_TREES:,} trees x 63 leaves", f"{large['load_s']:.2f} s, {large['load_mib']:.0f} MiB", "", ""))
    return rows


if __name__ == "__main__":
    print(peer(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])))
