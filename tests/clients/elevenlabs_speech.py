"""ElevenLabs' own Python package against the service: `elevenlabs_speech.py ADDRESS TOKEN`. Ends with an error if anything is not as it is there."""

import base64
import sys

from elevenlabs import ElevenLabs, VoiceSettings
from elevenlabs.core.api_error import ApiError

address, token = sys.argv[1:]
client = ElevenLabs(base_url=f"http://{address}", api_key=token)
speech = client.text_to_speech
VOICE = "JBFqnCBsd6RMkjVDRZzb"
TEXT = "The package of another service hears a voice of ours. It does not know."

for output_format, begin in [("mp3_44100_128", b"\xff"), ("opus_48000_64", b"OggS"), ("wav_22050", b"RIFF"), ("ulaw_8000", b""), ("pcm_16000", b"")]:
    sound = b"".join(speech.convert(VOICE, text=TEXT, model_id="eleven_turbo_v2_5", output_format=output_format))
    assert sound.startswith(begin) and len(sound) > 10_000, output_format
samples = b"".join(speech.stream(VOICE, text=TEXT, output_format="pcm_24000"))
fast = b"".join(speech.stream(VOICE, text=TEXT, output_format="pcm_24000", voice_settings=VoiceSettings(speed=1.2)))
assert 0.7 * len(samples) < len(fast) < 0.9 * len(samples), (len(fast), len(samples))

# When each character is said, in the whole and as it comes.
def times(alignment):
    return list(zip(alignment.characters, alignment.character_start_times_seconds, alignment.character_end_times_seconds, strict=True))

def is_said(said, duration):
    characters, starts, ends = map(list, zip(*said))
    assert "".join(characters).split() == TEXT.split(), said
    assert starts == sorted(starts) and all(start <= end for start, end in zip(starts, ends)) and ends[-1] <= duration + 0.001

seconds = len(samples) / 2 / 24_000
timed = speech.convert_with_timestamps(VOICE, text=TEXT, output_format="pcm_24000")
assert base64.b64decode(timed.audio_base_64) == samples
is_said(times(timed.alignment), seconds)
heard, said = b"", []
for part in speech.stream_with_timestamps(VOICE, text=TEXT, output_format="pcm_24000"):
    heard += base64.b64decode(part.audio_base_64)
    said += times(part.alignment) if part.alignment else []
assert heard == samples
assert said == times(timed.alignment)

# Written piece by piece, the same samples. The package takes TLS for granted there, whatever the address says.
speech._ws_base_url = f"ws://{address}"
pieces = (word + " " for word in TEXT.split(" "))
heard = b"".join(speech.convert_realtime(VOICE, text=pieces, model_id="eleven_turbo_v2_5", output_format="pcm_24000"))
assert heard == samples, (len(heard), len(samples))

# Errors are of the package's own kinds.
for status, call in [
    (401, lambda: list(ElevenLabs(base_url=f"http://{address}", api_key="wrong").text_to_speech.convert(VOICE, text=TEXT))),
    (404, lambda: list(speech.convert("en_US-nobody-medium", text=TEXT))),
    (400, lambda: list(speech.convert(VOICE, text=" "))),
]:
    try:
        call()
    except ApiError as error:
        assert error.status_code == status and error.body["detail"]["status"], error
    else:
        raise AssertionError(f"{status} was answered")
