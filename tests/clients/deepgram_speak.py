"""Deepgram's own Python package against the service: `deepgram_speak.py ADDRESS TOKEN`. Ends with an error if anything is not as it is there."""

import sys

from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.types import SpeakV1Flushed, SpeakV1Metadata, SpeakV1Text, SpeakV1Warning
from websockets.exceptions import InvalidStatus

address, token = sys.argv[1:]
http, ws = f"http://{address}", f"ws://{address}"
here = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
client = DeepgramClient(api_key=token, environment=here)
TEXT = "The package of another service hears a voice of ours. It does not know."

# Over HTTP, in each format, and as samples alone.
for fields, begin in [({}, b"\xff"), ({"encoding": "linear16"}, b"RIFF"), ({"encoding": "opus", "container": "ogg"}, b"OggS"),
                      ({"encoding": "flac"}, b"fLaC"), ({"encoding": "aac"}, b"\xff\xf1"), ({"encoding": "mulaw"}, b"")]:
    sound = b"".join(client.speak.v1.audio.generate(text=TEXT, model="aura-2-thalia-en", **fields))
    assert sound.startswith(begin) and len(sound) > 10_000, (fields, len(sound))
samples = b"".join(client.speak.v1.audio.generate(text=TEXT, encoding="linear16", container="none", sample_rate=24000))

# Written piece by piece, the same samples.
with client.speak.v1.connect(model="aura-2-thalia-en", encoding="linear16", sample_rate=24000) as live:
    assert isinstance(live.recv(), SpeakV1Metadata)
    for word in TEXT.split(" "):
        live.send_text(SpeakV1Text(text=word + " "))
    live.send_flush()
    heard = b""
    while isinstance(message := live.recv(), bytes):
        heard += message
    assert isinstance(message, SpeakV1Flushed) and message.type == "Flushed" and message.sequence_id == 0, message
    assert heard == samples, (len(heard), len(samples))

    # Interrupted: nothing of the old text comes behind that.
    live.send_text(SpeakV1Text(text="What nobody wants to hear. " * 40))
    live.send_flush()
    assert isinstance(live.recv(), bytes)
    live.send_clear()
    while isinstance(message := live.recv(), bytes):
        pass
    assert message.type == "Cleared" and message.sequence_id == 2, message
    live.send_text(SpeakV1Text(text=TEXT))
    live.send_flush()
    heard = b""
    while isinstance(message := live.recv(), bytes):
        heard += message
    assert message.type == "Flushed" and heard == samples

    # What cannot be done is a warning, and the connection goes on.
    live.send_text(SpeakV1Text(text="a\0b"))
    message = live.recv()
    assert isinstance(message, SpeakV1Warning) and message.code == "invalid_text", message
    live.send_close()
    assert not list(live)

# Errors are of the package's own kinds.
stranger = DeepgramClient(api_key="wrong", environment=here).speak.v1
for call in [lambda: list(stranger.audio.generate(text=TEXT)), lambda: stranger.connect().__enter__()]:
    try:
        call()
    except (ApiError, InvalidStatus) as error:
        status = error.status_code if isinstance(error, ApiError) else error.response.status_code
        assert status == 401, error
    else:
        raise AssertionError("a wrong key was taken")
