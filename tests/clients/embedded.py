"""A signed address in a page of another origin, in a real browser: `embedded.py ADDRESS TOKEN`. The page isolates itself, so that it may embed only what says
that it may be."""

import html
import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from chromium import DESKTOP, browser, find, severe, until

address, token = sys.argv[1:]
PAGE = """<!doctype html><html lang="en"><title>Elsewhere</title><link rel="icon" href="data:,">
<audio id="sound" controls src="{}"></audio>
<button id="end" onclick="sound.currentTime = sound.duration - 1; sound.play()">Play the end</button></html>"""


def link(fields):
    headers = {"user-token": token, "content-type": "application/json"}
    request = urllib.request.Request(f"http://{address}/v1/speech/links", json.dumps(fields).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return f"http://{address}" + json.load(answer)["url"]


class Elsewhere(BaseHTTPRequestHandler):
    page = b""

    def do_GET(self):
        self.send_response(200)
        for header in [("content-type", "text/html"), ("cross-origin-embedder-policy", "require-corp")]:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_):
        pass


speech = link({"text": "This page is not the service's own. It may play what it was given, from the middle, too."})
Elsewhere.page = PAGE.format(html.escape(speech)).encode()
elsewhere = HTTPServer(("127.0.0.1", 0), Elsewhere)
threading.Thread(target=elsewhere.serve_forever, daemon=True).start()

driver = browser(DESKTOP)
try:
    # Another site, and not only another port.
    driver.get(f"http://localhost:{elsewhere.server_port}/")
    ready = "return document.getElementById('sound').readyState === 4 && document.getElementById('sound').duration"
    duration = until(driver, "the sound is there", lambda driver: driver.execute_script(ready))
    assert 3 < duration < 15, duration

    # Browsers play what a person asked for.
    find(driver, "end").click()
    until(driver, "it was played to its end", lambda driver: driver.execute_script("return arguments[0].ended", find(driver, "sound")))

    read = driver.execute_async_script("""
        const done = arguments[1];
        fetch(arguments[0], { headers: { range: "bytes=0-9" } })
            .then(async (answer) => done([answer.status, answer.headers.get("content-range"), (await answer.arrayBuffer()).byteLength]))
            .catch((error) => done([String(error)]));""", speech)
    assert read[0] == 206 and read[1].startswith("bytes 0-9/") and read[2] == 10, read
    assert not severe(driver), severe(driver)

    # Altered, it is told so and plays nothing.
    refused = driver.execute_async_script("""
        const done = arguments[1];
        fetch(arguments[0]).then(async (answer) => done((await answer.json()).error.code)).catch((error) => done(String(error)));""",
        speech.replace("given", "taken"))
    assert refused == "link_invalid", refused
finally:
    driver.quit()
    elsewhere.shutdown()
