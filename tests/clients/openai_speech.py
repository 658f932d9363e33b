"""OpenAI's own Python package against the service: `openai_speech.py ADDRESS TOKEN`. Ends with an error if anything is not as it is there."""

import sys

import openai

address, token = sys.argv[1:]
client = openai.OpenAI(base_url=f"http://{address}/v1", api_key=token, max_retries=0)
TEXT = "The package of another service hears a voice of ours."

# Whole, in each format.
for response_format, begin in [("mp3", b"\xff"), ("opus", b"OggS"), ("aac", b"\xff\xf1"), ("flac", b"fLaC"), ("wav", b"RIFF"), ("pcm", b"")]:
    sound = client.audio.speech.create(model="tts-1", voice="nova", input=TEXT, response_format=response_format)
    assert sound.content.startswith(begin) and len(sound.content) > 10_000, response_format

# Streamed: the first bytes come before the last.
with client.audio.speech.with_streaming_response.create(
    model="gpt-4o-mini-tts", voice="alloy", input=TEXT + " " + TEXT, response_format="pcm", instructions="Be kind.", speed=1.1
) as answer:
    chunks = list(answer.iter_bytes(chunk_size=None))
assert len(chunks) > 1 and sum(map(len, chunks)) > 24_000, [len(chunk) for chunk in chunks]

assert "tts-1" in [model.id for model in client.models.list()]
assert client.models.retrieve("tts-1").id == "tts-1"

# Errors are of the package's own kinds.
for kind, fields in [
    (openai.BadRequestError, {"input": " "}),
    (openai.NotFoundError, {"voice": "nobody"}),
    (openai.BadRequestError, {"response_format": "midi"}),
]:
    try:
        client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": TEXT, **fields})
    except kind as error:
        assert error.body["code"], error
    else:
        raise AssertionError(f"{fields} was answered")
try:
    client.with_options(api_key="wrong").models.list()
except openai.AuthenticationError:
    pass
else:
    raise AssertionError("a wrong key was taken")
