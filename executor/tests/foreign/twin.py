"""Runs every case of cases.json on wasmtime-wasi, and keeps what it gives beside the case.

usage: twin.py CASES PROGRAMS TWINS

PROGRAMS is where `fetch.sh` unpacked them. For each case, TWINS gets `<name>/stdout`, `<name>/code`,
and the files that the case names.
"""

import json
import pathlib
import shutil
import sys

import wasmtime


def found(source, places):
    return next(place / source for place in places if (place / source).exists())


def folders(case, places, scratch):
    """The guest's folders: inputs below /in and where the case puts them, /tmp, and /out."""
    inside = scratch / "in"
    inside.mkdir(parents=True)
    for name in ("out", "tmp"):
        (scratch / name).mkdir()
    opened = [("/in", inside), ("/out", scratch / "out"), (".", scratch / "out"),
              ("/tmp", scratch / "tmp")]
    for name, source in case["inputs"].items():
        path = found(source, places)
        if not name.startswith("/"):
            shutil.copy(path, inside / name)
            continue
        root, _, rest = name[1:].partition("/")
        below = scratch / "roots" / root
        target = below / rest if rest else below
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
        if ("/" + root, below) not in opened:
            opened.append(("/" + root, below))
    return opened


def run(case, places, into):
    scratch = into / "scratch"
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    config = wasmtime.Config()
    config.wasm_exceptions = True
    config.cache = True
    engine = wasmtime.Engine(config)
    module = wasmtime.Module.from_file(engine, str(found(case["module"], places)))
    world = wasmtime.WasiConfig()
    world.argv = ["main", *case["args"]]
    world.env = list(case.get("env", {}).items())
    world.stdout_file = str(into / "stdout")
    world.stderr_file = str(into / "stderr")
    for guest, path in folders(case, places, scratch):
        world.preopen_dir(str(path), guest)
    store = wasmtime.Store(engine)
    store.set_wasi(world)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    for wanted in module.imports:
        if wanted.module != "wasi_snapshot_preview1":
            def never(*_):
                raise RuntimeError("the guest calls what no host has")
            linker.define_func(wanted.module, wanted.name, wanted.type, never)
    code = 0
    try:
        exports = linker.instantiate(store, module).exports(store)
        if "_start" in exports:
            exports["_start"](store)
        else:
            if "_initialize" in exports:
                exports["_initialize"](store)
            code = exports["run"](store)
    except wasmtime.ExitTrap as ended:
        code = ended.code
    (into / "code").write_text(f"{code}\n")
    for name in case["outputs"]:
        shutil.copy(scratch / "out" / name, into / name)
    shutil.rmtree(scratch)
    print(f"{case['name']}: {code}")


def main():
    cases, programs, twins = map(pathlib.Path, sys.argv[1:])
    for case in json.loads(cases.read_text()):
        run(case, [programs, twins, cases.parent], twins / case["name"])


main()
