"""What clients of the earlier Python service do, with httpx: `legacy.py ADDRESS TOKEN`. Ends with an error if anything changed for them."""

import sys

import httpx

address, token = sys.argv[1:]
with httpx.Client(base_url=f"http://{address}", headers={"user-token": token}, timeout=60) as client:
    first = client.post("/synthesizeSpeech", json={"text": "An old client speaks."})
    assert first.status_code == 200, first.text
    assert first.headers["content-type"] == "audio/x-raw" and first.headers["x-sample-rate"] == "16000", first.headers
    assert int(first.headers["content-length"]) == len(first.content) > 16_000
    again = client.post("/synthesizeSpeech", json={"text": "An old client speaks."})
    assert again.headers["x-cache"] == "HIT" and again.content == first.content, again.headers
    assert client.post("/synthesizeSpeech", json={"text": "Hi.", "sample_rate": 1}).status_code == 422
    assert client.post("/synthesizeSpeech", json={"text": "Hi."}, headers={"user-token": "no"}).json() == {"detail": "Forbidden"}
    assert client.get("/health").json() == {"status": "healthy"}
