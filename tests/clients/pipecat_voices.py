"""Services of Pipecat for three speech APIs against the service: `pipecat_voices.py ADDRESS TOKEN`. Each speaks what a language model writes token
by token, over a WebSocket and over HTTP, and is interrupted."""

import asyncio
import sys

import aiohttp
from loguru import logger
from pipecat.frames.frames import (ErrorFrame, InterruptionFrame, LLMFullResponseEndFrame, LLMFullResponseStartFrame, LLMTextFrame, TTSAudioRawFrame,
                                   TTSSpeakFrame, TTSStartedFrame, TTSStoppedFrame, TTSTextFrame)
from pipecat.pipeline.worker import PipelineParams
from pipecat.services.cartesia.tts import CartesiaHttpTTSService, CartesiaTTSService
from pipecat.services.deepgram.tts import DeepgramHttpTTSService, DeepgramTTSService
from pipecat.services.elevenlabs.tts import ElevenLabsHttpTTSService, ElevenLabsTTSService
from pipecat.tests.utils import SleepFrame, run_test

address, token = sys.argv[1:]
http, ws = f"http://{address}", f"ws://{address}"
TEXT = "The service of another service hears a voice of ours. It does not know."
RATE = 24_000

def voices(session, key):
    common = {"api_key": key, "sample_rate": RATE}
    return [
        DeepgramTTSService(base_url=ws, **common),
        DeepgramHttpTTSService(base_url=http, aiohttp_session=session, **common),
        CartesiaTTSService(url=f"{ws}/tts/websocket", settings=CartesiaTTSService.Settings(voice="any"), **common),
        CartesiaHttpTTSService(base_url=http, aiohttp_session=session, settings=CartesiaHttpTTSService.Settings(voice="any"), **common),
        ElevenLabsTTSService(url=ws, settings=ElevenLabsTTSService.Settings(voice="any"), **common),
        ElevenLabsHttpTTSService(base_url=http, aiohttp_session=session, settings=ElevenLabsHttpTTSService.Settings(voice="any"), **common),
    ]

async def heard(tts, frames):
    parameters = PipelineParams(audio_out_sample_rate=RATE)
    down, up = await run_test(tts, frames_to_send=frames, pipeline_params=parameters, start_timeout=60)
    return down, [frame for frame in up if isinstance(frame, ErrorFrame)]

async def speak(tts):
    tokens = [LLMTextFrame(token + " ") for token in TEXT.split(" ")]
    turn = [LLMFullResponseStartFrame(), *tokens, LLMFullResponseEndFrame()]
    down, errors = await heard(tts, turn)
    samples = b"".join(frame.audio for frame in down if isinstance(frame, TTSAudioRawFrame))
    words = " ".join(frame.text for frame in down if isinstance(frame, TTSTextFrame)).split()
    assert not errors, (tts.name, errors)
    assert len(samples) > RATE * 2 * 3, (tts.name, len(samples))
    assert words == TEXT.split(), (tts.name, words)
    assert any(isinstance(frame, TTSStartedFrame) for frame in down) and any(isinstance(frame, TTSStoppedFrame) for frame in down), tts.name

async def main():
    async with aiohttp.ClientSession() as session:
        for tts in voices(session, token):
            await speak(tts)
        for tts in voices(session, "wrong"):
            _, errors = await heard(tts, [TTSSpeakFrame("Nobody may hear this.")])
            # One of them tells the body alone.
            assert errors and ("401" in str(errors) or "invalid_api_key" in str(errors)), (tts.name, errors)

logger.remove()
asyncio.run(main())
