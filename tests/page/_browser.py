"""A headless Chromium, driven over two pipes by the DevTools protocol; nothing but the browser is
needed.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_TIMEOUT = 60.0
# The browser reads descriptor 3 and writes 4, whatever numbers the pipes got: moved out of the way
# first, since one may have the number that the other needs.
_WITH_PIPES = """
import fcntl, os, sys
read, written = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(written, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_browser() -> str | None:
    """The path of a Chromium, or None; the environment's `PATHFLOW_CHROMIUM` comes first."""
    named = os.environ.get("PATHFLOW_CHROMIUM")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


class BrowserError(Exception):
    """The browser did not start, did not answer, or a script in it failed."""


class Browser:
    """One browser with one page.

    Attributes:
        errors: messages of exceptions, console errors and blocked resources so far.
        requests: addresses that pages asked for so far.
    """

    def __init__(self, path: str, width: int = 1280, height: int = 800):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_by_browser, self._to = os.pipe()
        self._from, written_by_browser = os.pipe()
        self._process = subprocess.Popen(
            [
                sys.executable, "-c", _WITH_PIPES, str(read_by_browser), str(written_by_browser),
                path,
                "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                f"--user-data-dir={self._profile.name}", f"--window-size={width},{height}",
                "about:blank",
            ],
            pass_fds=(read_by_browser, written_by_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read_by_browser)
        os.close(written_by_browser)
        self._buffer = b""
        self._last = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False
        self._session: str | None = None
        (target, *_) = [
            t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page"
        ]
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Sets the size of the view."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def prefer(self, scheme: str) -> None:
        """Sets what the system prefers: `"dark"` or `"light"`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._call("Emulation.setEmulatedMedia", features=[feature])

    def open(self, path: Path) -> None:
        """Loads a file, from no network, and waits until its scripts have run."""
        self.errors.clear()
        self.requests.clear()
        self._loaded = False
        self._call("Page.navigate", url=path.resolve().as_uri())
        self._until(lambda: self._loaded)

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript, as JSON has it."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of the first element that a selector finds."""
        found = self.run(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return found[0], found[1]

    def move(self, selector: str) -> None:
        """Moves the mouse to an element."""
        x, y = self.place(selector)
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """Clicks on an element with the mouse."""
        self.move(selector)
        x, y = self.place(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, code: int = 0) -> None:
        """Presses a key, such as `ArrowDown`."""
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def screenshot(self, path: Path) -> None:
        """Writes what is to be seen as a PNG."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """Ends the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def _call(self, method: str, **parameters: Any) -> Any:
        self._last += 1
        number = self._last
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        waiting = json.dumps(message).encode() + b"\0"
        while waiting:
            waiting = waiting[os.write(self._to, waiting) :]
        answers: list[Any] = []
        self._until(lambda: bool(answers), number, answers)
        if "error" in answers[0]:
            raise BrowserError(f"{method}: {answers[0]['error']}")
        return answers[0]["result"]

    def _until(
        self, done: Any, number: int | None = None, answers: list[Any] | None = None
    ) -> None:
        """Reads messages until something has happened."""
        end = time.monotonic() + _TIMEOUT
        while not done():
            if b"\0" not in self._buffer:
                ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
                data = os.read(self._from, 1 << 20) if ready else b""
                if not data:
                    raise BrowserError("the browser gave no answer")
                self._buffer += data
                continue
            raw, _, self._buffer = self._buffer.partition(b"\0")
            message = json.loads(raw)
            if answers is not None and message.get("id") == number:
                answers.append(message)
            else:
                self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        event, parameters = message.get("method"), message.get("params", {})
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"])[:2000])
        elif event == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.errors.append(json.dumps(parameters["args"])[:2000])
        elif event == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(json.dumps(parameters["entry"])[:2000])
        elif event == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
