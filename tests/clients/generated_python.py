"""A client in Python that openapi-python-client makes of the service's own description: `generated_python.py ADDRESS TOKEN`. Ends with an error if the
generator leaves out more than what it knows nothing of (JSON Lines, once as a body and once as an answer), or if the client cannot fetch sound, read what is listed and tell what is wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

address, token = sys.argv[1:]
# Without hooks: they only make the code beautiful.
Path("settings.json").write_text(json.dumps({"post_hooks": []}))
made = subprocess.run(
    [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"http://{address}/openapi.json", "--meta", "none",
     "--output-path", "generated", "--config", "settings.json"],
    capture_output=True, text=True, check=False,
)
unknown = re.findall("Unsupported content.type application/x-ndjson", made.stderr)
if made.returncode or made.stderr.count("WARNING") != 2 or len(unknown) != 2:
    sys.exit(made.stdout + made.stderr)

sys.path.insert(0, ".")
from generated import AuthenticatedClient  # noqa: E402
from generated.api.batches import batches_show, batches_submit  # noqa: E402
from generated.api.openai import openai_speech  # noqa: E402
from generated.api.speech import speech_synthesize  # noqa: E402
from generated.api.voices import voices_list  # noqa: E402
from generated.models import BatchRequest, ErrorBody, OpenAiSpeechRequest, SpeechRequest  # noqa: E402

client = AuthenticatedClient(base_url=f"http://{address}", token=token, timeout=60)

wav = speech_synthesize.sync(client=client, body=SpeechRequest(text="A client that nobody wrote.")).payload.read()
assert wav.startswith(b"RIFF") and len(wav) > 20_000, wav[:80]
mp3 = openai_speech.sync(client=client, body=OpenAiSpeechRequest(input_="Neither did anybody write this.")).payload.read()
assert mp3.startswith(b"\xff") and len(mp3) > 5_000, mp3[:80]

voices = voices_list.sync(client=client)
assert "en_US-joe-medium" in [voice.id for voice in voices.voices], voices
batch = batches_submit.sync(client=client, body=BatchRequest(items=[SpeechRequest(text="One of one.")]))
assert batches_show.sync(id=batch.id, client=client).items == 1

refused = speech_synthesize.sync(client=client, body=SpeechRequest(text=" "))
assert isinstance(refused, ErrorBody) and refused.error.param == "text", refused
stranger = AuthenticatedClient(base_url=f"http://{address}", token="wrong", timeout=60)
assert voices_list.sync(client=stranger).error.code == "forbidden"
