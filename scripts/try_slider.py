#!/usr/bin/env python3
"""Move every slider of a notebook in a real browser: exported to HTML, and opened in JupyterLab.

Usage: try_slider.py NOTEBOOK.ipynb [--out FOLDER]

It needs chromium and chromedriver on PATH, and jupyter lab and nbconvert in the Python that runs it (the environment of
`ventral setup` has both). A slider passes when each of its positions shows another picture with its own label and the box
beside it, where there is one, shows one more. Screenshots go into --out. The exit status is 1 where a slider fails or there
is none.
"""

import argparse
import base64
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# Moves slider k to every position and returns how many pictures, labels and positions it has, with and without its box.
MOVE = """
const s = document.querySelectorAll('input[type=range]')[arguments[0]];
const frame = s.closest('div[class^=ventral-]');
const img = frame.querySelector('img'), name = frame.querySelector('span');
const tick = frame.querySelector('input[type=checkbox]');
const pictures = new Set(), labels = new Set();
const look = () => { pictures.add(img.src); labels.add(name.textContent); };
for (let i = 0; i <= +s.max; i++) { s.value = i; s.dispatchEvent(new Event('input')); look(); }
if (tick) { tick.click(); look(); }
frame.scrollIntoView();
return [+s.max + 1 + (tick ? 1 : 0), pictures.size, labels.size, img.naturalWidth];
"""

# JupyterLab draws only what is in sight.
SCROLL = "const p = document.querySelector('.jp-WindowedPanel-outer') || document.querySelector('.jp-Notebook'); if (p) p.scrollTop += 600;"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, seconds=60):
    for _ in range(2 * seconds):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{url} did not answer in {seconds} s")


@contextlib.contextmanager
def running(*command):
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield p
    finally:
        p.terminate()
        p.wait()


class Browser:
    """A WebDriver session, as far as this script needs one."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/session"
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000"]
        caps = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": args}}}
        self.base += "/" + self.call("", {"capabilities": caps})["sessionId"]

    def call(self, path, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["value"]

    def run(self, script, *args):
        return self.call("/execute/sync", {"script": script, "args": list(args)})


def try_page(browser, where, url, out, scroll):
    browser.call("/url", {"url": url})
    count = 0
    for _ in range(60):
        count = browser.run("return document.querySelectorAll('input[type=range]').length")
        if count:
            break
        if scroll:
            browser.run(SCROLL)
        time.sleep(1)
    bad = 0 if count else 1
    print(f"{where}: {count} sliders")
    for k in range(count):
        positions, pictures, labels, width = browser.run(MOVE, k)
        ok = pictures == labels == positions and width > 0
        bad += not ok
        print(f"  slider {k}: {positions} positions, {pictures} pictures, {labels} labels: {'ok' if ok else 'FAILED'}")
        time.sleep(1)
        (out / f"{where}-{k}.png").write_bytes(base64.b64decode(browser.call("/screenshot", method="GET")))
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/slider"))
    args = parser.parse_args()
    for tool in ("chromium", "chromedriver"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is not on PATH: install it (Debian: chromium, chromium-driver)")
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "notebook.ipynb"
        shutil.copy(args.notebook, copy)
        jupyter = [sys.executable, "-m", "jupyter"]
        subprocess.run([*jupyter, "nbconvert", "--to", "html", "--log-level", "ERROR", str(copy)], check=True)
        subprocess.run([*jupyter, "trust", str(copy)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        driver, lab = free_port(), free_port()
        serve = [*jupyter, "lab", "--allow-root", "--no-browser", f"--port={lab}", "--ServerApp.token=", f"--ServerApp.root_dir={folder}"]
        with running("chromedriver", f"--port={driver}"), running(*serve):
            wait_for(f"http://127.0.0.1:{driver}/status")
            wait_for(f"http://127.0.0.1:{lab}/api")
            browser = Browser(driver)
            bad = try_page(browser, "html", copy.with_suffix(".html").as_uri(), args.out, False)
            bad += try_page(browser, "jupyterlab", f"http://127.0.0.1:{lab}/lab/tree/notebook.ipynb", args.out, True)
            browser.call("", method="DELETE")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
