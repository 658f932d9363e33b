"""Plugins of LiveKit agents for three speech APIs against the service: `livekit_voices.py ADDRESS TOKEN`. Each speaks a text at once and one that
is written word by word, and hears the same."""

import asyncio
import sys

import aiohttp
from livekit.agents import APIConnectOptions, APIStatusError
from livekit.plugins import cartesia, deepgram, elevenlabs

address, token = sys.argv[1:]
TEXT = "The plugin of another service hears a voice of ours. It does not know."
ONCE = APIConnectOptions(max_retry=0)

def voices(session, key):
    common = {"api_key": key, "http_session": session}
    return [
        deepgram.TTS(base_url=f"http://{address}/v1/speak", **common),
        cartesia.TTS(base_url=f"http://{address}", **common),
        elevenlabs.TTS(base_url=f"http://{address}/v1", encoding="pcm_24000", **common),
    ]

async def heard(stream):
    samples, words = b"", []
    async with stream:
        async for event in stream:
            samples += bytes(event.frame.data)
            words += [word for word in event.frame.userdata.get("lk.timed_transcripts", [])]
    return samples, words

async def speak(tts):
    whole, _ = await heard(tts.synthesize(TEXT, conn_options=ONCE))
    stream = tts.stream(conn_options=ONCE)
    for word in TEXT.split(" "):
        stream.push_text(word + " ")
    stream.end_input()
    written, words = await heard(stream)
    assert len(whole) > 24_000 * 2 * 2, (tts.label, len(whole))
    # At the end the framework adds some silence where it spoke at once.
    assert whole.startswith(written) and not any(whole[len(written):]), (tts.label, len(written), len(whole))
    if tts.capabilities.aligned_transcript:
        assert "".join(words).split() == TEXT.split(), (tts.label, words)
        starts = [word.start_time for word in words]
        assert starts[0] < 0.5 and all(start >= 0 for start in starts), (tts.label, starts)
    await tts.aclose()

async def refused(tts):
    try:
        await heard(tts.synthesize(TEXT, conn_options=ONCE))
    except APIStatusError as error:
        assert error.status_code == 401, error
    else:
        raise AssertionError(f"{tts.label} was answered")
    await tts.aclose()

async def main():
    async with aiohttp.ClientSession() as session:
        for tts in voices(session, token):
            await speak(tts)
        for tts in voices(session, "wrong"):
            await refused(tts)

asyncio.run(main())
