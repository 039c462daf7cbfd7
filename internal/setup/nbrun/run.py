"""Execute notebooks headless and keep whatever was computed.

A request comes as one JSON object on standard input, an answer goes as one JSON object a notebook to standard output.
The executed notebook and its HTML are written even when a cell failed, so that one can see how far it came.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat.sign import NotebookNotary


def main():
    # A terminated runner must take its kernels along: the exception unwinds through nbclient, which stops them.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    request = json.load(sys.stdin)
    for source in request["notebooks"]:
        print(json.dumps(execute(Path(source), request)), flush=True)


def execute(source, request):
    out = Path(request["out"])
    start = time.monotonic()
    nb = nbformat.read(source, as_version=4)
    code = [i for i, cell in enumerate(nb.cells) if cell.cell_type == "code" and cell.source.strip()]
    last = [start]

    def executed(cell, cell_index, **_):
        if cell_index in code:
            now = time.monotonic()
            tell(f"{source.stem}: cell {code.index(cell_index) + 1} of {len(code)}, {now - last[0]:.1f} s")
            last[0] = now

    client = NotebookClient(
        nb,
        timeout=request["timeout"],
        startup_timeout=request["timeout"],
        kernel_name=request["kernel"],
        coalesce_streams=True,
        resources={"metadata": {"path": str(source.parent)}},
        on_cell_executed=executed,
    )
    error = ""
    try:
        client.execute()
    except CellExecutionError as e:
        error = f"a cell failed:\n{e.traceback or e.evalue}"
    except CellTimeoutError as e:
        error = f"a cell took longer than {request['timeout']} s: {e}"
    except (DeadKernelError, NoSuchKernel, RuntimeError) as e:
        error = f"the kernel did not run: {e}"
    seconds = time.monotonic() - start
    # The kernel's own description names no lexer; without one nbconvert falls back on Python's.
    nb.metadata["language_info"] = {"name": "go", "pygments_lexer": "go", "file_extension": ".go", "mimetype": "text/x-go"}
    written = out / source.name
    replace(written, nbformat.writes(nb).encode())
    html = out / (source.stem + ".html")
    page, _ = HTMLExporter().from_notebook_node(nb)
    replace(html, page.encode())
    try:
        NotebookNotary().sign(nb)
    except Exception as e:  # without trust JupyterLab shows the PNG pictures all the same
        tell(f"{source.stem}: not signed: {e}")
    return {
        "name": source.stem,
        "notebook": str(written),
        "html": str(html),
        "cells": len(code),
        "seconds": round(seconds, 2),
        "error": error,
    }


def replace(path, data):
    """Write whole or not at all."""
    temp = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    with open(temp, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.replace(temp, path)


def tell(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
