"""The examples of the reference, as they stand there: `examples.py ADDRESS TOKEN MODELS`. Each is taken off the page, is given the token and what there is where the page
says that something is to be put, and has to succeed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
from chromium import PHONE, browser, severe, until
from selenium.webdriver.common.by import By

address, token, models = sys.argv[1:]
client = httpx.Client(base_url=f"http://{address}", headers={"user-token": token}, timeout=60)
MINE = "/v1/voices/en_US-mine-medium"
ALL = {"curl", "Python", "JavaScript"}

# What a route needs of its own, by the beginning of its name on the page.
WITHOUT_EXAMPLES = ["GET /v1/speech"]


def batch():
    """One that has ended and has everything that a batch can have."""
    items = {"items": [{"text": "Hello."}], "concatenate": True, "timestamps": True}
    one = client.post("/v1/batches", json=items).json()["id"]
    while client.get(f"/v1/batches/{one}").json()["state"] not in ("succeeded", "failed"):
        time.sleep(0.05)
    return one


def hand_in():
    files = {name: open(f"voice.onnx{ending}", "rb") for name, ending in [("model", ""), ("config", ".json")]}
    client.put(MINE, files=files).raise_for_status()


def examples(driver):
    driver.get(f"http://{address}/docs")
    until(driver, "the reference", lambda driver: len(driver.find_elements(By.CSS_SELECTOR, "section h3")) > 10)
    return driver.execute_script("""
        return [...document.querySelectorAll("section:has(h3)")].map((route) => [route.querySelector("h3").textContent,
            [...route.querySelectorAll("pre")].map((example) => [example.previousElementSibling.textContent, example.textContent])])""")


def command(language, text):
    if language == "JavaScript" and "document." in text:
        # A page's input of files, which is not here.
        text = "import { openAsBlob } from 'node:fs';\nconst names = { model: 'voice.onnx', config: 'voice.onnx.json' };\n" \
               "const blobs = {};\nfor (const [id, name] of Object.entries(names)) blobs[id] = new File([await openAsBlob(name)], name);\n" \
               "const document = { getElementById: (id) => ({ files: [blobs[id]] }) };\n" + text
    return {"curl": ["bash", "-c", text], "Python": [sys.executable, "-c", text], "JavaScript": ["node", "--input-type=module", "-e", text]}[language]


for ending in ["", ".json"]:
    shutil.copy(Path(models) / f"en_US-joe-medium.onnx{ending}", f"voice.onnx{ending}")

driver = browser(PHONE)
try:
    found = examples(driver)
    # Folded as they are, and unfolded.
    for is_open in ["false", "true"]:
        driver.execute_script(f"document.querySelectorAll('details').forEach((folded) => {{ folded.open = {is_open}; }})")
        assert driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    assert not severe(driver)
finally:
    driver.quit()

failures, run = [], 0
for route, shown in found:
    if any(route.startswith(name) for name in WITHOUT_EXAMPLES):
        assert not shown, route
        continue
    assert {language for language, _ in shown} in (ALL, {"Python"}), (route, shown)
    for language, text in shown:
        if MINE in text and route.startswith("DELETE"):
            hand_in()
        if "/ID" in text:
            text = text.replace("/ID", f"/{batch()}")
        done = subprocess.run(command(language, text.replace("TOKEN", token)), capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "no_proxy": "127.0.0.1"})
        run += 1
        if done.returncode:
            failures.append(f"{route}\n{text}\n{done.stdout}{done.stderr}")
assert not failures, f"{len(failures)} of {run}:\n" + "\n\n".join(failures)
assert run > 100, f"{run} examples"
