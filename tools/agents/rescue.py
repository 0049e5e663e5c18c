"""Breaks sessions that agents wrote, rescues them, and has the agents go on with them.

    python tools/agents/rescue.py FOLDER [codex claude gemini qwen pi]

The agents are installed in FOLDER as `drive.py` says, and driven against a server on this machine. After the
first prompt the last image of the session is cut off, the session is found and rescued as on any machine, and
the agent resumes it: what it then sends must have the text in place of that image, all other images, and not
the broken one. At last `--undo` must give back the broken bytes. By hand: it takes minutes. Exit code 1 if an
agent does not go on.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from drive import AGENTS, Answers, Place, images_in
from PIL import Image

_STORES = {"codex": "codex", "claude": "claude-code", "gemini": "gemini-cli", "qwen": "qwen-code", "pi": "pi"}
_RESUMING = ("resume", "--continue", "--resume")
_IMAGE = re.compile(r"[A-Za-z0-9+/]{400,}={0,2}")


class Broken(NamedTuple):
    """A session before it was rescued, and what of an image was left in it."""

    path: Path
    data: bytes
    left: str


class BrokenPlace(Place):
    """A place in which the session is broken and rescued before it is resumed."""

    broken: list[Broken]
    agent: str

    def run(self, program: str, *arguments: str, **more: str) -> None:
        """Run an agent, after the rescue if it resumes its session."""
        if any(word in arguments for word in _RESUMING):
            self.broken.append(broken_session(self.home, _STORES[self.agent]))
            self.imgbudget("rescue", "--agent", _STORES[self.agent], "--yes")
        super().run(program, *arguments, **more)

    def imgbudget(self, *arguments: str) -> None:
        """Run the command with the home of the agent."""
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-m", "imgbudget", *arguments],
            env=os.environ | {"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state")},
            capture_output=True,
            text=True,
            check=False,
        )
        print("".join(f"    {line}\n" for line in (done.stdout + done.stderr).splitlines()), end="")


def broken_session(home: Path, agent: str) -> Broken:
    """The newest session of an agent, with its last image cut off wherever it is kept."""
    code = (
        "import sys; from imgbudget.rescuing.stores import newest_sessions, store_of;"
        "print(newest_sessions([store_of(sys.argv[1])], 1)[0].path)"
    )
    found = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", code, agent],
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    path = Path(found.stdout.strip())
    text = path.read_text(encoding="utf-8")
    image = _IMAGE.findall(text)[-1]
    left = image[:320]
    path.write_text(text.replace(image, left), encoding="utf-8")
    os.utime(path, (path.stat().st_mtime - 60,) * 2)
    return Broken(path, path.read_bytes(), left)


def goes_on(name: str, folder: Path) -> bool:
    """Whether an agent goes on with a session that was broken and rescued."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        home, work = Path(scratch) / "home", Path(scratch) / "work"
        home.mkdir()
        work.mkdir()
        Image.effect_noise((300, 200), 50).convert("RGB").save(work / "small.png")
        Image.effect_noise((700, 500), 50).convert("RGB").save(work / "large.jpg", quality=50)
        Image.effect_noise((500, 400), 50).convert("RGB").save(work / "read.png")
        bodies: list[Any] = []
        handler = type("Kept", (Answers,), {"bodies": bodies, "image": work / "read.png"})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = BrokenPlace(folder, home, work, f"http://127.0.0.1:{server.server_port}")
        type(place).broken, type(place).agent = [], name
        try:
            list(AGENTS[name](place))
        finally:
            server.shutdown()
        if not place.broken or not bodies:
            return False
        broken = place.broken[-1]
        sent = str(bodies[-1])
        text = "removed, because it cannot be decoded" in sent
        print(f"{name}: sent {len(list(images_in(bodies[-1])))} images, the text in place of one: {text}")
        time.sleep(6)  # until the session counts as left alone
        place.imgbudget("rescue", "--undo", "--force", str(broken.path))
        return text and broken.left not in sent and broken.path.read_bytes() == broken.data


def main() -> int:
    """Break and rescue the sessions of the agents that are named, or of all; 1 if one does not go on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the agents are installed")
    parser.add_argument("agents", nargs="*", help=", ".join(_STORES))
    arguments = parser.parse_args()
    results = {name: goes_on(name, arguments.folder.resolve()) for name in arguments.agents or _STORES}
    print(", ".join(f"{name}: {'goes on' if fine else 'STOPS'}" for name, fine in results.items()))
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
