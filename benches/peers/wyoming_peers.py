#!/usr/bin/env python3
"""Question: how long does a house wait for the answers of its assistant, here and with Home Assistant's own Piper server?

Units: milliseconds to the first sound and to the end of all of it, of 20 texts that assistants say, from one client, the package `wyoming`: as whole
texts, and in words that are all there at once, as streams. Medians of the texts and of rounds in which the servers take turns; read the ratios.
Either has the same voice, two threads, and nothing in a cache.

Run: `make peers`, on a machine with two cores that does nothing else.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

from service import BINARY, ROOT

VOICE = "en_US-joe-medium"
TEXTS = [
    "Done.",
    "The light in the kitchen is on.",
    "Turned off three lights in the living room.",
    "It is twenty-one degrees in the bedroom, and the window is open.",
    "Your timer for the pasta is up.",
    "The washing machine has finished. Shall I remind you again in ten minutes?",
    "There is no device of that name. Which of the two lamps in the hall do you mean?",
    "Today it will rain from two to five o'clock. Take an umbrella with you, and leave a little earlier than usual.",
    "The front door was opened at seven minutes past four, and closed again a minute later.",
    "Good morning. You have two appointments today: the dentist at nine, and lunch with your sister at half past twelve.",
    "The garage is still open. I can close it if nobody stands in the doorway.",
    "I have added milk, bread and tomatoes to the shopping list. There are now seven things on it.",
    "The sun sets at eighteen minutes past eight tonight. The blinds go down a quarter of an hour after that.",
    "Playing jazz in the study.",
    "The battery of the smoke detector on the first floor is low. Please replace it within the next two weeks.",
    "A light year is the distance that light travels in a year. That is about nine and a half trillion kilometres, or nearly six trillion miles.",
    "Simmer the onions until they are soft. Then add the garlic, stir for a minute, and pour in the stock. After that it takes twenty minutes.",
    "The car is charged to eighty percent. At the present rate it will be full shortly before eleven.",
    "Nobody is at home, so the heating has been lowered to sixteen degrees, and the alarm is armed.",
    "I did not understand that. You can ask for the weather, for a timer, or for any of the devices in this house.",
]


class Server:
    """Runs while it is used as a context, at a free port."""

    def __init__(self, command, **variables):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [part.replace("PORT", str(self.port)) for part in command]
        variables = {name: value.replace("PORT", str(self.port)) for name, value in variables.items()}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(600):
            try:
                asyncio.run(spoken(self.port, TEXTS[0], False))
                return self
            except OSError:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.1)
        raise TimeoutError("the server does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def this_service():
    settings = {"ALLOWED_USER_TOKEN": "unused", "TTS_BIND": "127.0.0.1:0", "TTS_WYOMING_BIND": "127.0.0.1:PORT"}
    return Server([str(BINARY), "serve"], **settings, TTS_WORKERS="2", TTS_CACHE_ENABLED="false", TTS_LOG_LEVEL="error")


def wyoming_piper():
    where = ["--data-dir", str(ROOT / "models"), "--uri", "tcp://127.0.0.1:PORT"]
    return Server([sys.executable, "-m", "wyoming_piper", "--voice", VOICE, *where], OMP_NUM_THREADS="2")


async def spoken(port, text, is_stream):
    """Seconds to the first sound and to the end, and seconds of sound."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        began = time.perf_counter()
        first = None
        sound = 0.0
        if is_stream:
            words = text.split(" ")
            await client.write_event(SynthesizeStart().event())
            for at, word in enumerate(words):
                await client.write_event(SynthesizeChunk(text=word if at == 0 else f" {word}").event())
            await client.write_event(Synthesize(text=text).event())
            await client.write_event(SynthesizeStop().event())
        else:
            await client.write_event(Synthesize(text=text).event())
        last = SynthesizeStopped if is_stream else AudioStop
        while event := await client.read_event():
            if AudioChunk.is_type(event.type):
                first = first or time.perf_counter() - began
                chunk = AudioChunk.from_event(event)
                sound += chunk.samples / chunk.rate
            elif last.is_type(event.type):
                return first, time.perf_counter() - began, sound
        raise OSError("the connection ended")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    rounds = arguments.parse_args().rounds
    with wyoming_piper() as piper, this_service() as ours:
        servers = {"wyoming-piper": piper, "this service": ours}
        print(f"\n{'':17}{'first sound':>14}{'x':>7}{'all of it':>14}{'x':>7}{'sound':>9}")
        for is_stream in (False, True):
            taken = {name: [] for name in servers}
            for number in range(rounds + 1):
                for text in TEXTS:
                    for name, server in servers.items():
                        times = asyncio.run(spoken(server.port, text, is_stream))
                        # The first round warms up.
                        if number > 0:
                            taken[name].append(times)
            medians = {name: [statistics.median(times) for times in zip(*all_of)] for name, all_of in taken.items()}
            base_first, base_all, _ = medians["wyoming-piper"]
            print("streams" if is_stream else "whole texts")
            for name, (first, all_of_it, sound) in medians.items():
                print(f"  {name:15}{first * 1e3:>11.0f} ms{first / base_first:7.2f}{all_of_it * 1e3:>11.0f} ms{all_of_it / base_all:7.2f}{sound:>7.1f} s")


if __name__ == "__main__":
    main()
