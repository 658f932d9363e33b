#!/usr/bin/env python3
"""Question: is what this service says understood as well, and does it sound as good, as what piper says with the same voice?

Units: words that a recogniser (Whisper, tiny.en) gets wrong of those in 40 sentences, and the rating from 1 to 5 that listeners would give by
DNSMOS. Piper draws other noise each time, so that it speaks twice: what differs between its two draws is chance. A voice of this service
with many more wrong words than piper's worse draw has a fault, and the exit code is 1.

Run: `make quality`; of English voices alone, because the recogniser knows no other language. Three minutes for a voice on two cores.
"""

import argparse
import sys
from statistics import mean

import jiwer
import numpy
import soxr
from faster_whisper import WhisperModel
from piper import PiperVoice
from speechmos import dnsmos

from service import ROOT, Service

RATE = 16_000
# Wrong words beyond piper's worse draw, of a hundred, that are no chance any more: two draws of piper differ by less than one.
TOLERANCE = 3
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


def piper_says(voice: PiperVoice, text: str):
    return numpy.concatenate([chunk.audio_float_array for chunk in voice.synthesize(text)]), voice.config.sample_rate


def service_says(service: Service, voice: str, text: str):
    answer = service.client.post(
        "/v1/synthesizeSpeech", json={"text": text, "voice_id": voice, "response_format": "pcm"})
    answer.raise_for_status()
    return numpy.frombuffer(answer.content, "<i2").astype(numpy.float32) / 32768, int(answer.headers["x-sample-rate"])


def judged(say, texts: list[str], recogniser: WhisperModel) -> tuple[int, float]:
    """Wrong words in all, and the mean rating."""
    heard, ratings = [], []
    for text in texts:
        samples = numpy.clip(soxr.resample(*(spoken := say(text)), RATE).astype(numpy.float32), -1, 1)
        segments, _ = recogniser.transcribe(samples, language="en", temperature=0, condition_on_previous_text=False)
        heard.append(" ".join(segment.text for segment in segments))
        ratings.append(dnsmos.run(samples, RATE)["ovrl_mos"])
    words = jiwer.process_words(texts, heard, reference_transform=WORDS, hypothesis_transform=WORDS)
    return words.substitutions + words.deletions + words.insertions, float(mean(ratings))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sentences", type=int, default=len(SENTENCES))
    arguments.add_argument("--weights", default="tiny.en", help="the recogniser: a name that faster-whisper fetches, or a folder")
    arguments = arguments.parse_args()
    texts = SENTENCES[: arguments.sentences]
    count = sum(map(len, WORDS(texts)))
    recogniser = WhisperModel(arguments.weights, device="cpu", compute_type="int8")
    faults = []
    with Service(workers=2, TTS_VOICES="*", TTS_OFFLINE="true") as service:
        voices = service.client.get("/v1/voices").raise_for_status().json()["voices"]
        voices = [voice for voice in voices if voice["installed"] and not voice["problem"]]
        print(f"{'':32}{'wrong of ' + str(count) + ' words':^32}{'rating of 5':^27}")
        print(f"{'':32}{'here':>8}{'piper':>12}{'again':>12}{'here':>9}{'piper':>9}{'again':>9}")
        for voice in (voice["id"] for voice in voices):
            if not voice.startswith("en_"):
                print(f"{voice:32}  no recogniser for its language")
                continue
            piper = PiperVoice.load(ROOT / f"models/{voice}.onnx")
            ways = [lambda text: service_says(service, voice, text)] + 2 * [lambda text: piper_says(piper, text)]
            (here, *others), ratings = zip(*(judged(say, texts, recogniser) for say in ways))
            print(f"{voice:32}{here:8}" + "".join(f"{one:12}" for one in others) + "".join(f"{one:9.2f}" for one in ratings))
            if 100 * (here - max(others)) > TOLERANCE * count:
                faults.append(voice)
    if faults:
        sys.exit(f"understood worse than with piper: {', '.join(faults)}")


if __name__ == "__main__":
    main()
