"""Cartesia's own Python package against the service: `cartesia_speech.py ADDRESS TOKEN`. Ends with an error if anything is not as it is there."""

import array
import sys

import cartesia
from cartesia import Cartesia

address, token = sys.argv[1:]
client = Cartesia(api_key=token, base_url=f"http://{address}", websocket_base_url=f"ws://{address}", max_retries=0)
VOICE = {"mode": "id", "id": "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"}
RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000}
TEXT = "The package of another service hears a voice of ours. It does not know."

def whole(**fields):
    answer = client.tts.generate(**{"model_id": "sonic-3", "transcript": TEXT, "voice": VOICE, "output_format": RAW, **fields})
    return b"".join(answer.iter_bytes())

for output_format, begin in [({"container": "wav", "encoding": "pcm_f32le", "sample_rate": 44100}, b"RIFF"),
                             ({"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}, b"\xff"),
                             ({"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000}, b"")]:
    sound = whole(output_format=output_format)
    assert sound.startswith(begin) and len(sound) > 10_000, output_format
samples = whole()
fast = whole(generation_config={"speed": 1.2})
assert 0.7 * len(samples) < len(fast) < 0.9 * len(samples), (len(fast), len(samples))

with client.tts.websocket_connect() as live:
    # Two texts at a time, written piece by piece: the same samples, and when each word is said.
    first = live.context(voice=VOICE, output_format=RAW, add_timestamps=True)
    second = live.context(voice=VOICE, output_format={**RAW, "encoding": "pcm_f32le"})
    for word in TEXT.split(" "):
        first.push(word + " ")
        second.push(word + " ")
    first.no_more_inputs()
    second.no_more_inputs()
    heard, words, starts = b"", [], []
    for event in first.receive():
        heard += event.audio if event.type == "chunk" else b""
        if event.type == "timestamps":
            words += event.word_timestamps.words
            starts += event.word_timestamps.start
    assert heard == samples, (len(heard), len(samples))
    assert words == TEXT.split(" "), words
    assert starts == sorted(starts) and starts[-1] < len(samples) / 2 / 24_000
    floats = b"".join(event.audio for event in second.receive() if event.type == "chunk")
    expected = array.array("f", (sample / 32_768 for sample in array.array("h", samples)))
    assert floats == expected.tobytes(), (len(floats), len(samples))

    # A transcript that is not held back ends with a mark, before the text does.
    third = live.context(voice=VOICE, output_format=RAW, max_buffer_delay_ms=0)
    third.push("Not a whole sentence")
    kinds = []
    for event in third.receive():
        kinds.append(event.type)
        if event.type == "flush_done":
            assert event.flush_id == 1
            third.no_more_inputs()
    assert kinds[-2:] == ["flush_done", "done"], kinds

    # Cancelled: the next text is heard alone.
    fourth = live.context(voice=VOICE, output_format=RAW)
    fourth.push("What nobody wants to hear. " * 40)
    fourth.cancel()
    fifth = live.context(voice=VOICE, output_format=RAW)
    fifth.push(TEXT, continue_=False)
    assert b"".join(event.audio for event in fifth.receive() if event.type == "chunk") == samples

    sixth = live.context(voice="en_US-nobody-medium", output_format=RAW)
    sixth.push(TEXT, continue_=False)
    [error] = sixth.receive()
    assert (error.type, error.error_code, error.status_code) == ("error", "voice_not_found", 404), error

# Errors are of the package's own kinds.
for kind, fields in [(cartesia.NotFoundError, {"voice": {"mode": "id", "id": "en_US-nobody-medium"}}), (cartesia.BadRequestError, {"transcript": " "})]:
    try:
        whole(**fields)
    except kind as error:
        assert error.body["error_code"], error
    else:
        raise AssertionError(f"{fields} was answered")
try:
    client.with_options(api_key="wrong").tts.generate(model_id="sonic-3", transcript=TEXT, voice=VOICE, output_format=RAW)
except cartesia.AuthenticationError:
    pass
else:
    raise AssertionError("a wrong key was taken")
