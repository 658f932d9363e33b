"""This service as a process of its own, for measuring it."""

import json
import os
import secrets
import subprocess
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "target/release/tts-batch-api"
TICKS = os.sysconf("SC_CLK_TCK")


class Service:
    """Runs while it is used as a context. `workers` threads compute; nothing is cached where a request says so."""

    def __init__(self, workers: int, **more: str):
        token = secrets.token_hex(16)
        settings = {"ALLOWED_USER_TOKEN": token, "TTS_BIND": "127.0.0.1:0", "TTS_WORKERS": str(workers), "TTS_LOG_LEVEL": "error", **more}
        self.process = subprocess.Popen(
            [BINARY, "serve"], cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        url = "http://" + json.loads(self.process.stdout.readline())["listening"]
        headers = {"user-token": token, "cache-control": "no-store"}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=120)
        while self.client.get("/readyz").status_code != 200:
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.terminate()
        self.process.wait()

    def say(self, text: str) -> float:
        """Seconds of audio."""
        answer = self.client.post("/v1/synthesizeSpeech", json={"text": text, "response_format": "pcm"})
        answer.raise_for_status()
        return len(answer.content) / 2 / int(answer.headers["x-sample-rate"])

    def first_sound(self, text: str) -> None:
        """Returns when the first bytes of sound are here, and leaves."""
        body = {"text": text, "response_format": "pcm", "stream": True}
        with self.client.stream("POST", "/v1/synthesizeSpeech", json=body) as answer:
            answer.raise_for_status()
            next(answer.iter_raw())

    def cpu_seconds(self) -> float:
        """Of the service and of the phonemizer's processes, living and ended."""
        parents = {}
        times = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            pid = int(stat.parent.name)
            parents[pid] = int(fields[1])
            times[pid] = sum(map(int, fields[11:15]))
        family = {self.process.pid}
        while len(family) < len(family := family | {pid for pid, parent in parents.items() if parent in family}):
            pass
        return sum(times[pid] for pid in family) / TICKS
