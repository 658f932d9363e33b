#!/usr/bin/env python3
"""Questions: how much speech does a core make, here and in the engines that play the same voices? And how long is it until the first sound?

Units: seconds of audio in a second of processor time, and in a second of wall time with one request at a time; milliseconds to the first
sound. Medians of rounds in which the engines take turns, so that a machine whose speed drifts slows all of them: read the ratios. The other
engines run in this process without any server; this service is asked over HTTP, nothing is cached, and the phonemizer's processes count.

Run: `make peers`, on a machine with two cores that does nothing else.
"""

import argparse
import json
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import onnx
import onnxruntime
import piper
import sherpa_onnx
from piper import PiperVoice
from streaming_vits import StreamingTTS

from service import ROOT, Service

MODEL = ROOT / "models/en_US-joe-medium.onnx"
TEXTS = [
    "Hello, this is a test message.",
    "Your order has shipped and should arrive on Thursday.",
    "The quick brown fox jumps over the lazy dog, and then it runs away into the forest.",
    "Please hold the line; an agent will be with you in about four minutes.",
    "In the middle of the night the wind turned, and by morning the whole valley was white with snow.",
    "Passengers on flight two one seven to Lisbon are asked to proceed to gate fourteen.",
]
LENGTHS = [5, 50, 500, 5000]
WHOLE_TEXT = "streaming-vits, whole text"
# 5,000 characters take it 25 seconds.
LONGEST_WHOLE_TEXT = 500


def own_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def piper_voice(threads: int) -> PiperVoice:
    voice = PiperVoice.load(MODEL)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    voice.session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
    return voice


def piper_says(voice: PiperVoice):
    rate = voice.config.sample_rate
    return lambda text: sum(len(chunk.audio_int16_bytes) // 2 for chunk in voice.synthesize(text)) / rate


def sherpa_says(folder: Path):
    """It reads what it must know of a voice from the model's metadata and from a list of tokens."""
    config = json.loads(Path(f"{MODEL}.json").read_text())
    model = onnx.load(str(MODEL))
    facts = {"model_type": "vits", "comment": "piper", "language": "English", "voice": config["espeak"]["voice"],
             "has_espeak": 1, "n_speakers": 1, "sample_rate": config["audio"]["sample_rate"]}
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(model, folder / "voice.onnx")
    tokens = "".join(f"{symbol} {ids[0]}\n" for symbol, ids in config["phoneme_id_map"].items())
    (folder / "tokens.txt").write_text(tokens)
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(
        model=str(folder / "voice.onnx"), tokens=str(folder / "tokens.txt"), data_dir=str(Path(piper.__file__).parent / "espeak-ng-data"))
    model = sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=1, provider="cpu")
    engine = sherpa_onnx.OfflineTts(sherpa_onnx.OfflineTtsConfig(model=model))

    def say(text: str) -> float:
        audio = engine.generate(text)
        return len(audio.samples) / audio.sample_rate

    return say


class Phonemizer:
    """Piper's, in this process, for streaming-vits: its own starts a program for each sentence. Of `sentences` at most."""

    def __init__(self, voice: PiperVoice, sentences: int | None):
        self.voice = voice
        self.sentences = sentences

    def ids(self, text: str):
        sentences = self.voice.phonemize(text)[: self.sentences]
        return [id for sentence in sentences for id in self.voice.phonemes_to_ids(sentence)], 0


def streaming_vits_begins(folder: Path, voice: PiperVoice, sentences: int | None):
    """It keeps what it makes of a voice beside the voice."""
    model = folder / MODEL.name
    if not model.exists():
        shutil.copy(MODEL, model)
        shutil.copy(f"{MODEL}.json", f"{model}.json")
    with mock.patch("streaming_vits.phonemize.build", lambda *_, **__: Phonemizer(voice, sentences)):
        engine = StreamingTTS(str(model), threads=2, verbose=False)
    return lambda text: next(iter(engine.stream(text)))


def throughput(rounds: int, folder: Path) -> None:
    voice = piper_voice(threads=1)
    with Service(workers=1) as one, Service(workers=2) as two:
        engines = {
            "piper-tts, one thread": (own_cpu_seconds, piper_says(voice)),
            "sherpa-onnx, one thread": (own_cpu_seconds, sherpa_says(folder)),
            "this service, one worker": (one.cpu_seconds, one.say),
            "this service, two workers": (two.cpu_seconds, two.say),
        }
        per_cpu = {name: [] for name in engines}
        per_wall = {name: [] for name in engines}
        for _, say in engines.values():
            say(TEXTS[0])
        for _ in range(rounds):
            for name, (cpu_seconds, say) in engines.items():
                cpu, wall = cpu_seconds(), time.perf_counter()
                audio = sum(say(text) for text in TEXTS)
                per_wall[name].append(audio / (time.perf_counter() - wall))
                per_cpu[name].append(audio / (cpu_seconds() - cpu))
    first = next(iter(engines))
    cpu_of_first, wall_of_first = statistics.median(per_cpu[first]), statistics.median(per_wall[first])
    print(f"{'':31}{'audio s / cpu s':>16}{'x piper':>9}{'audio s / wall s':>18}{'x piper':>9}")
    for name in engines:
        cpu, wall = statistics.median(per_cpu[name]), statistics.median(per_wall[name])
        print(f"{name:31}{cpu:16.1f}{cpu / cpu_of_first:9.2f}{wall:18.1f}{wall / wall_of_first:9.2f}")


def first_sound(rounds: int, folder: Path) -> None:
    voice = piper_voice(threads=2)
    with Service(workers=2) as service:
        engines = {
            "piper-tts, first sentence": lambda text: next(iter(voice.synthesize(text))),
            WHOLE_TEXT: streaming_vits_begins(folder, voice, None),
            "streaming-vits, first sentence": streaming_vits_begins(folder, voice, 1),
            "this service": service.first_sound,
        }
        print(f"\n{'first sound, two threads':31}" + "".join(f"{length:>10}" for length in LENGTHS))
        texts = [(" ".join(TEXTS) * 20)[:length] for length in LENGTHS]
        times = {(name, text): [] for name in engines for text in texts if name != WHOLE_TEXT or len(text) <= LONGEST_WHOLE_TEXT}
        for _ in range(rounds + 1):
            for (name, text), taken in times.items():
                start = time.perf_counter()
                engines[name](text)
                taken.append(time.perf_counter() - start)
        for name in engines:
            # The first round warms up.
            medians = [statistics.median(taken[1:]) * 1e3 for (engine, _), taken in times.items() if engine == name]
            print(f"{name:31}" + "".join(f"{median:>7.0f} ms" for median in medians))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        throughput(rounds, Path(folder))
        first_sound(rounds, Path(folder))


if __name__ == "__main__":
    main()
