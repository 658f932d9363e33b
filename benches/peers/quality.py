#!/usr/bin/env python3
"""Question: is what this service says understood as well, and does it sound as good, as what piper says with the same voice?

Units: words of a hundred that a recogniser (Whisper, tiny.en) gets wrong in 40 sentences, and the rating from 1 to 5 that listeners would give by
DNSMOS. How many words are understood is chance, too: it differs by some in a hundred from draw to draw of a sentence's noise, for piper as for this
service. So each side says all sentences five times, each time with other noise, and ± is the standard deviation of one draw. (The rating hardly
differs: it is that of the first draw.) Each sentence is compared with itself. A voice with more wrong words here by more than one in a hundred and
four standard errors has a fault, and the exit code is 1.

What was measured is written beside the voice, in NAME.quality.json; `GET /v1/voices` shows it.

Run: `make quality`; of English voices alone, because the recogniser knows no other language. Five to ten minutes for a voice on two cores.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev

import jiwer
import numpy
import soxr
from faster_whisper import WhisperModel
from piper import PiperVoice
from speechmos import dnsmos

from service import ROOT, Service

RATE = 16_000
DRAWS = 5
MODELS = ROOT / os.environ.get("TTS_MODELS_DIR", "models")
# Of what is written; the service knows it (src/voices/quality.rs).
METHOD = 1
# So little more noise is not heard, but it is drawn anew: by what a sentence is said with.
STEP = 1e-6
WORDS = jiwer.Compose([
    jiwer.ToLowerCase(), jiwer.SubstituteRegexes({r"\b2\b": "two", r"\b4\b": "four", r"\b50\b": "fifty"}),
    jiwer.RemovePunctuation(), jiwer.RemoveMultipleSpaces(), jiwer.Strip(), jiwer.ReduceToListOfListOfWords(),
])

# Lists 1 to 4 of the Harvard sentences (IEEE, 1969).
SENTENCES = """
The birch canoe slid on the smooth planks.
Glue the sheet to the dark blue background.
It's easy to tell the depth of a well.
These days a chicken leg is a rare dish.
Rice is often served in round bowls.
The juice of lemons makes fine punch.
The box was thrown beside the parked truck.
The hogs were fed chopped corn and garbage.
Four hours of steady work faced us.
A large size in stockings is hard to sell.
The boy was there when the sun rose.
A rod is used to catch pink salmon.
The source of the huge river is the clear spring.
Kick the ball straight and follow through.
Help the woman get back to her feet.
A pot of tea helps to pass the evening.
Smoky fires lack flame and heat.
The soft cushion broke the man's fall.
The salt breeze came across from the sea.
The girl at the booth sold fifty bonds.
The small pup gnawed a hole in the sock.
The fish twisted and turned on the bent hook.
Press the pants and sew a button on the vest.
The swan dive was far short of perfect.
The beauty of the view stunned the young boy.
Two blue fish swam in the tank.
Her purse was full of useless trash.
The colt reared and threw the tall rider.
It snowed, rained, and hailed the same morning.
Read verse out loud for pleasure.
Hoist the load to your left shoulder.
Take the winding path to reach the lake.
Note closely the size of the gas tank.
Wipe the grease off his dirty face.
Mend the coat before you go out.
The wrist was badly strained and hung limp.
The stray cat gave birth to kittens.
The young girl gave no clear response.
The meal was cooked before the bell rang.
What joy there is in living.
""".strip().splitlines()




class Side:
    """What was heard of one side: wrong words by sentence, and in all with the rating."""

    def __init__(self, texts: list[str], recogniser: WhisperModel, say: Callable[[str, int], tuple[numpy.ndarray, int]]):
        draws = [[at_rate(*say(text, draw)) for text in texts] for draw in range(DRAWS)]
        wrong = [[wrong_words(samples, text, recogniser) for samples, text in zip(draw, texts)] for draw in draws]
        words = sum(map(len, WORDS(texts)))
        self.by_sentence = [mean(sentence) for sentence in zip(*wrong)]
        rates = [sum(draw) / words for draw in wrong]
        self.summary = {
            "word_error_rate": round(mean(rates), 4),
            "word_error_rate_deviation": round(stdev(rates), 4),
            "rating": round(mean(rated(samples) for samples in draws[0]), 3),
        }

    def __str__(self) -> str:
        return "{:9.1%} ± {:.1%}{:12.2f}".format(*self.summary.values())


def piper_says(voice: PiperVoice, text: str):
    return numpy.concatenate([chunk.audio_float_array for chunk in voice.synthesize(text)]), voice.config.sample_rate


def service_says(service: Service, voice: str, noise_w: float, text: str):
    answer = service.client.post(
        "/v1/synthesizeSpeech", json={"text": text, "voice_id": voice, "noise_w": noise_w, "response_format": "pcm"})
    answer.raise_for_status()
    return numpy.frombuffer(answer.content, "<i2").astype(numpy.float32) / 32768, int(answer.headers["x-sample-rate"])


def at_rate(samples: numpy.ndarray, rate: int) -> numpy.ndarray:
    return numpy.clip(soxr.resample(samples, rate, RATE).astype(numpy.float32), -1, 1)


def wrong_words(samples: numpy.ndarray, text: str, recogniser: WhisperModel) -> int:
    segments, _ = recogniser.transcribe(samples, language="en", temperature=0, condition_on_previous_text=False)
    heard = " ".join(segment.text for segment in segments)
    words = jiwer.process_words([text], [heard], reference_transform=WORDS, hypothesis_transform=WORDS)
    return words.substitutions + words.deletions + words.insertions


def rated(samples: numpy.ndarray) -> float:
    return float(dnsmos.run(samples, RATE)["ovrl_mos"])


def digest(voice: str) -> str:
    """Of its files, by which the service tells voices apart."""
    hashes = [hashlib.sha256((MODELS / f"{voice}{ending}").read_bytes()).hexdigest() for ending in [".onnx", ".onnx.json"]]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def keep(voice: str, words: int, here: Side, piper: Side) -> None:
    measured = {"method": METHOD, "voice": digest(voice), "words": words, "draws": DRAWS, **here.summary, "piper": piper.summary}
    path = MODELS / f"{voice}.quality.json"
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(measured, indent=2) + "\n")
        partial.replace(path)
    except OSError as error:
        print(f"{path} could not be written, so that the service cannot show what was measured: {error.strerror}", file=sys.stderr)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sentences", type=int, default=len(SENTENCES), help="of fewer than all nothing is kept")
    arguments.add_argument("--weights", default="tiny.en", help="the recogniser: a name that faster-whisper fetches, or a folder")
    arguments = arguments.parse_args()
    texts = SENTENCES[: arguments.sentences]
    words = sum(map(len, WORDS(texts)))
    recogniser = WhisperModel(arguments.weights, device="cpu", compute_type="int8")
    faults = []
    with Service(workers=2, TTS_VOICES="*", TTS_OFFLINE="true") as service:
        voices = service.client.get("/v1/voices").raise_for_status().json()["voices"]
        voices = [voice for voice in voices if voice["installed"] and not voice["problem"]]
        print(f"{DRAWS} draws of {words} words{'':12}wrong words   rating of 5")
        for voice in (voice["id"] for voice in voices):
            if not voice.startswith("en_"):
                print(f"{voice:32}  no recogniser for its language")
                continue
            config = json.loads((MODELS / f"{voice}.onnx.json").read_bytes())
            noise_w = config.get("inference", {}).get("noise_w", 0.8)
            piper_voice = PiperVoice.load(MODELS / f"{voice}.onnx")
            here = Side(texts, recogniser, lambda text, draw: service_says(service, voice, noise_w + draw * STEP, text))
            piper = Side(texts, recogniser, lambda text, _: piper_says(piper_voice, text))
            more = [ours - theirs for ours, theirs in zip(here.by_sentence, piper.by_sentence)]
            difference, error = (100 * len(texts) / words * part for part in (mean(more), stdev(more) / len(texts) ** 0.5))
            print(f"{voice:24}  here {here}\n{'':24} piper {piper}")
            print(f"{'':24} here it is {difference:+.1f} words of a hundred, with a standard error of {error:.1f}")
            if difference > max(4 * error, 1):
                faults.append(voice)
            if len(texts) == len(SENTENCES):
                keep(voice, words, here, piper)
    if faults:
        sys.exit(f"understood worse than with piper: {', '.join(faults)}")


if __name__ == "__main__":
    main()
