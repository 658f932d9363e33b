"""The client of the Python package `wyoming`, unchanged: voices, texts whole and in chunks, SSML, errors."""

import asyncio
import json
import sys
import urllib.request

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

HTTP, TOKEN, ADDRESS = sys.argv[1:]
TEXT = "It rained all day, and nobody came. Was it late? The last one left."
SSML = '<speak>One. <break time="200ms"/> Two.</speak>'


def over_http(text, kind="plain"):
    body = {"text": text, "text_type": kind, "response_format": "pcm"}
    headers = {"user-token": TOKEN, "content-type": "application/json"}
    request = urllib.request.Request(f"http://{HTTP}/v1/synthesizeSpeech", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


async def heard(client, last):
    """The samples up to an event of this type, and the types of all others."""
    samples, kinds = b"", []
    while True:
        event = await client.read_event()
        assert event is not None, kinds
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (22050, 2, 1)
            samples += chunk.audio
        else:
            kinds.append(event.type)
        if AudioStart.is_type(event.type):
            assert AudioStart.from_event(event).rate == 22050
        if last.is_type(event.type):
            return samples, kinds


async def write(client, text, voice):
    await client.write_event(SynthesizeStart(voice=voice).event())
    for at in range(0, len(text), 5):
        await client.write_event(SynthesizeChunk(text=text[at : at + 5]).event())
    await client.write_event(Synthesize(text=text, voice=voice).event())
    await client.write_event(SynthesizeStop().event())


async def main():
    async with AsyncClient.from_uri(f"tcp://{ADDRESS}") as client:
        await client.write_event(Describe().event())
        (program,) = Info.from_event(await client.read_event()).tts
        assert program.installed and program.supports_synthesize_streaming, program
        (described,) = program.voices
        assert described.languages == ["en_US"] and described.installed, described

        await client.write_event(Ping(text="there?").event())
        assert Pong.from_event(await client.read_event()).text == "there?"

        voice = SynthesizeVoice(name=described.name)
        for text in (TEXT, "Again."):
            await client.write_event(Synthesize(text=text, voice=voice).event())
            samples, kinds = await heard(client, AudioStop)
            assert samples == over_http(text) and kinds == ["audio-start", "audio-stop"], kinds

        await client.write_event(Synthesize(text=SSML, text_format=SynthesizeTextFormat.SSML).event())
        samples, _ = await heard(client, AudioStop)
        assert samples == over_http(SSML, "ssml")

        (samples, kinds), _ = await asyncio.gather(heard(client, SynthesizeStopped), write(client, TEXT, voice))
        assert samples == over_http(TEXT), len(samples)
        assert kinds == ["audio-start", "audio-stop", "synthesize-stopped"], kinds

        nobody = SynthesizeVoice(name="xx_XX-nobody-low")
        (samples, kinds), _ = await asyncio.gather(heard(client, SynthesizeStopped), write(client, TEXT, nobody))
        assert not samples and kinds == ["error", "synthesize-stopped"], kinds

        await client.write_event(Synthesize(text=TEXT, voice=nobody).event())
        assert Error.from_event(await client.read_event()).code == "voice_not_found"
        assert await client.read_event() is None


asyncio.run(asyncio.wait_for(main(), 120))
