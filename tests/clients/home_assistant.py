"""Home Assistant's own code for speech over Wyoming (`homeassistant/components/wyoming/tts.py` and what asks for the voices), unchanged, from its wheel.
Of the rest of Home Assistant it needs names alone, which stand in here: its packages are many and not about speech."""

import asyncio
import io
import json
import os
import pathlib
import re
import sys
import types
import urllib.request
import wave

HTTP, TOKEN, ADDRESS = sys.argv[1:]
TEXT = "The light in the kitchen is on. The washing machine is done. It took an hour."


def stand_in(name, path=None, **names):
    module = types.ModuleType(name)
    module.__dict__.update(names)
    if path:
        module.__path__ = [path]
    sys.modules[name] = module


class Anything:
    def __init__(self, *args, **kwargs):
        self.__dict__.update(kwargs)
        self.args = args


(wheel,) = pathlib.Path(os.environ["PYTHONPATH"], "wheels").glob("homeassistant-*.whl")
# The package's code is read from the wheel, but for what runs when its packages are imported.
stand_in("homeassistant", f"{wheel}/homeassistant")
stand_in("homeassistant.components", f"{wheel}/homeassistant/components")
stand_in("homeassistant.components.wyoming", f"{wheel}/homeassistant/components/wyoming")
stand_in("homeassistant.components.wyoming.models", DomainDataItem=Anything)
stand_in(
    "homeassistant.components.tts",
    TextToSpeechEntity=object,
    TTSAudioRequest=Anything,
    TTSAudioResponse=Anything,
    Voice=Anything,
    ATTR_AUDIO_OUTPUT="audio_output",
    ATTR_VOICE="voice",
)
stand_in("homeassistant.config_entries", ConfigEntry=Anything)
stand_in("homeassistant.const", Platform=types.SimpleNamespace(STT=1, TTS=2, WAKE_WORD=3, CONVERSATION=4))
stand_in("homeassistant.core", HomeAssistant=Anything, callback=lambda function: function)
stand_in("homeassistant.exceptions", HomeAssistantError=Exception)
stand_in("homeassistant.helpers")
stand_in("homeassistant.helpers.entity_platform", AddConfigEntryEntitiesCallback=Anything)

from homeassistant.components.wyoming.data import WyomingService  # noqa: E402
from homeassistant.components.wyoming.tts import WyomingTtsProvider  # noqa: E402


class Entry:
    entry_id = "entry"

    def async_create_background_task(self, _hass, task, _name):
        self.task = asyncio.create_task(task)


def over_http(text):
    body = {"text": text, "response_format": "pcm"}
    headers = {"user-token": TOKEN, "content-type": "application/json"}
    request = urllib.request.Request(f"http://{HTTP}/v1/synthesizeSpeech", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


async def words(text):
    for word in re.findall(r" ?\S+", text):
        await asyncio.sleep(0)
        yield word


async def streamed(provider, text, options):
    request = Anything(options=options, message_gen=words(text))
    response = await provider.async_stream_tts_audio(request)
    kind, parts = response.args
    assert kind == "wav"
    head, *sound = [part async for part in parts]
    await provider.config_entry.task
    return head, sound


async def main():
    host, port = ADDRESS.split(":")
    service = await WyomingService.create(host, int(port))
    assert service.has_services() and service.platforms == [2], service.platforms
    assert service.get_name() == "tts-batch-api"
    provider = WyomingTtsProvider(Entry(), service)
    provider.hass = None
    assert provider._attr_supported_languages == ["en_US"]
    (voice,) = provider.async_get_supported_voices("en_US")
    assert (voice.voice_id, voice.name) == ("en_US-joe-medium", "joe (medium)")
    samples = over_http(TEXT)

    for options in ({}, {"voice": voice.voice_id}):
        kind, sound = await provider.async_get_tts_audio(TEXT, "en_US", options)
        with wave.open(io.BytesIO(sound)) as wav:
            assert (kind, wav.getframerate(), wav.readframes(wav.getnframes())) == ("wav", 22050, samples)

        assert provider.async_supports_streaming_input()
        head, sound = await streamed(provider, TEXT, options)
        with wave.open(io.BytesIO(head)) as wav:
            assert wav.getframerate() == 22050
        assert len(sound) > 1 and b"".join(sound) == samples

    # A voice that is gone since it was chosen keeps nobody waiting.
    assert await provider.async_get_tts_audio(TEXT, "en_US", {"voice": "gone"}) == (None, None)
    request = Anything(options={"voice": "gone"}, message_gen=words(TEXT))
    response = await provider.async_stream_tts_audio(request)
    assert [part async for part in response.args[1]] == []
    # It writes on to a connection that it has closed itself.
    await asyncio.gather(provider.config_entry.task, return_exceptions=True)


asyncio.run(asyncio.wait_for(main(), 120))
