#!/usr/bin/env python3
"""Questions: how much later does a text sound that comes in pieces than one that is sent whole? How soon is an interruption heard, and the machine
free? What do sessions cost that say nothing, and how many can speak at once?

Units: milliseconds from the last character, or from the request, to the first sound, medians of sentences that are said in both ways in turn;
milliseconds from `clear` to `cleared`, behind which no old sound comes, and to the first sound of the next text, beside that of an idle machine; bytes of a
session; sentences whose sound came in time, of callers who hear each to its end before they ask for the next. Nothing is cached.

Run: `make peers`, on a machine with two cores that does nothing else.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import time
from collections import Counter
from pathlib import Path

from websockets.asyncio.client import connect

from service import Service

SENTENCES = [
    "Please hold the line.",
    "Your order has shipped and should arrive on Thursday.",
    "There is no device of that name in this house.",
    "The quick brown fox jumps over the lazy dog, and then it runs away into the forest.",
    "Passengers on flight two one seven to Lisbon are asked to proceed to gate fourteen.",
    "In the middle of the night the wind turned, and by morning the whole valley was white with snow.",
]
PCM = {"type": "start", "response_format": "pcm", "sample_rate": 22_050}
BYTES_PER_SECOND = 44_100
IDLE = 1_000
SPEAKING = 200


class Session:
    """A connection to `/v1/live` with one text at a time."""

    def __init__(self, service):
        self.headers = {"user-token": service.client.headers["user-token"]}
        self.url = str(service.client.base_url).replace("http://", "ws://").rstrip("/") + "/v1/live"

    async def __aenter__(self):
        self.socket = await connect(self.url, additional_headers=self.headers)
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def send(self, kind, **fields):
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, *kinds):
        """The first message of a kind, `sound` among them, and the bytes of sound that came before."""
        sound = 0
        while True:
            message = await self.socket.recv()
            if isinstance(message, bytes):
                sound += len(message)
                if "sound" in kinds:
                    return message, sound
            elif (event := json.loads(message))["type"] in kinds:
                return event, sound

    async def first_sound(self, text):
        """Seconds from the last character to the first sound, where the others came before as a model writes them."""
        await self.socket.send(json.dumps(PCM))
        for at in range(0, len(text) - 1, 8):
            await self.send("text", text=text[at : min(at + 8, len(text) - 1)])
            await asyncio.sleep(0.01)
        began = time.perf_counter()
        await self.send("text", text=text[-1])
        await self.send("end")
        await self.until("sound")
        taken = time.perf_counter() - began
        await self.until("ended")
        return taken


def over_http(service, text):
    began = time.perf_counter()
    service.first_sound(text)
    return time.perf_counter() - began


def milliseconds(taken):
    return f"{statistics.median(taken) * 1e3:.1f} ms, longest {max(taken) * 1e3:.1f} ms"


async def first_sounds(service, rounds):
    whole, pieces = [], []
    async with Session(service) as session:
        for _ in range(rounds):
            for text in SENTENCES:
                whole.append(await asyncio.to_thread(over_http, service, text))
                await asyncio.sleep(0.2)
                pieces.append(await session.first_sound(text))
    print(f"first sound, sent whole over HTTP   {milliseconds(whole)}")
    print(f"first sound, in pieces              {milliseconds(pieces)}")


async def interruptions(service, rounds):
    told, next_one, idle = [], [], []
    async with Session(service) as session:
        for _ in range(rounds):
            idle.append(await session.first_sound(SENTENCES[0]))
            await session.socket.send(json.dumps(PCM))
            await session.send("text", text=" ".join(SENTENCES * 3))
            await session.until("sound")
            await asyncio.sleep(0.3)
            began = time.perf_counter()
            await session.send("clear")
            await session.until("cleared")
            told.append(time.perf_counter() - began)
            await session.send("text", text=SENTENCES[0])
            await session.send("end")
            began = time.perf_counter()
            await session.until("sound")
            next_one.append(time.perf_counter() - began)
            await session.until("ended")
    print(f"from clear to its answer            {milliseconds(told)}")
    print(f"first sound of the next text        {milliseconds(next_one)}; idle {milliseconds(idle)}")


def resident(service):
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


async def idle_sessions(service):
    def alive(times=300):
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            service.client.get("/livez").raise_for_status()
            taken.append(time.perf_counter() - began)
        return taken

    before, quiet = resident(service), await asyncio.to_thread(alive)
    sessions = [Session(service) for _ in range(IDLE)]
    for at in range(0, IDLE, 50):
        await asyncio.gather(*(session.__aenter__() for session in sessions[at : at + 50]))
    for session in sessions:
        await session.send("text", text="Once upon a")
    await asyncio.sleep(2)
    print(f"{IDLE} idle sessions                  {(resident(service) - before) / 1e6:.1f} MB in all")
    print(f"an answer beside them               {milliseconds(await asyncio.to_thread(alive))}; without {milliseconds(quiet)}")
    await asyncio.gather(*(session.__aexit__() for session in sessions))


async def speaker(service, number, end, counts):
    """Hears sentence after sentence at the speed at which they are said."""
    async with Session(service) as session:
        for turn in range(1_000):
            if time.monotonic() > end:
                return
            await session.socket.send(json.dumps(PCM))
            await session.send("text", text=f"Caller {number} hears sentence {turn}. {SENTENCES[number % len(SENTENCES)]}")
            await session.send("end")
            began = time.monotonic()
            event, first = await session.until("sound", "error")
            counts["late"] += time.monotonic() - began > 1
            sound, heard = first, time.monotonic()
            if not isinstance(event, bytes):
                counts[event["error"]["code"]] += 1
                await asyncio.sleep(event["error"].get("retry_after", 1))
                continue
            event, rest = await session.until("ended", "error")
            counts["said" if event["type"] == "ended" else "cut"] += 1
            seconds = (sound + rest) / BYTES_PER_SECOND
            counts["seconds of sound"] += seconds
            await asyncio.sleep(max(0.0, heard + seconds - time.monotonic()))


async def speaking_sessions(service, seconds):
    counts = Counter()
    end = time.monotonic() + seconds
    await asyncio.gather(*(speaker(service, number, end, counts) for number in range(SPEAKING)))
    told = ", ".join(f"{round(count)} {what}" for what, count in sorted(counts.items()))
    print(f"{SPEAKING} sessions for {seconds} s            {told}")


async def measure(rounds):
    with Service(2) as service:
        await asyncio.to_thread(service.say, " ".join(SENTENCES))
        await first_sounds(service, rounds)
        await interruptions(service, 3 * rounds)
        await idle_sessions(service)
        await speaking_sessions(service, 30)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=8)
    rounds = arguments.parse_args().rounds
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    os.environ["TTS_CACHE_ENABLED"] = "false"
    asyncio.run(measure(rounds))


if __name__ == "__main__":
    main()
