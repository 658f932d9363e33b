"""The playground in a real browser: `browser.py ADDRESS TOKEN FOLDER`. Leaves pictures of it in the folder, and ends with an error if it does not
work."""

import sys
from pathlib import Path

from chromium import DESKTOP, PHONE, browser, find, lit, open_playground, severe, shown, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

address, token, folder = sys.argv[1:]
TEXT = "Read along with me. Every word lights up."


def darkest(driver):
    """Columns of the waveform with more than a line in them."""
    return driver.execute_script("""
        const canvas = document.getElementById("wave"), pen = canvas.getContext("2d");
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const filled = new Map();
        for (let at = 3; at < data.length; at += 4)
            if (data[at] > 0) { const x = ((at - 3) / 4) % canvas.width; filled.set(x, (filled.get(x) ?? 0) + 1); }
        return [...filled.values()].filter((height) => height > 8).length;""")


def progress(driver):
    """The share that was heard."""
    return driver.execute_script("return player.position / player.duration")


def speak_by_keyboard(driver):
    assert "Enter the one that its operator gave you" in until(driver, "a token is asked for", lambda driver: shown(driver, "token-state"))
    find(driver, "token").send_keys(token, Keys.TAB)
    until(driver, "the voices are listed", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#voice optgroup"))
    text = find(driver, "text")
    text.clear()
    text.send_keys(TEXT, Keys.CONTROL, Keys.ENTER)


def reference(driver, size):
    """Every route has its fields, its parameters and an example that is answered, and nothing is wider than the screen."""
    driver.get(f"http://{address}/docs")
    until(driver, "the reference", lambda driver: len(driver.find_elements(By.CSS_SELECTOR, "section h3")) > 10)
    driver.execute_script("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    assert wide <= size[0], f"the reference is {wide} wide"
    routes = {route.find_element(By.TAG_NAME, "h3").text: route.text for route in driver.find_elements(By.CSS_SELECTOR, "section:has(h3)")}
    batches = routes["POST /v1/batches"]
    for said in ["items[].text", "concatenate", "idempotency-key", '{"items":[{"text":"Hello. This machine can speak."}]}']:
        assert said in batches, (said, batches)
    assert "limit" in routes["GET /v1/batches"] and "/v1/batches/ID/items/0/audio" in routes["GET /v1/batches/{id}/items/{n}/audio"]
    assert "/v1/voices/en_US-joe-medium" in routes["GET /v1/voices/{id}"]
    assert "Asks for no token." in routes["GET /health"] and "user-token: TOKEN" not in routes["GET /health"]
    assert not [name for name, text in routes.items() if " to ;" in text or "to undefined" in text or "-d '{}'" in text]
    assert "Authorization: Bearer TOKEN" in driver.find_element(By.TAG_NAME, "main").text
    # No name of a field is broken in two; the path of one is, behind a full stop.
    assert driver.execute_script("""
        return [...document.querySelectorAll("td:first-child code span, td:first-child code:not(:has(span))")].filter((name) => name.getClientRects().length > 1)
            .map((name) => name.textContent)""") == []
    driver.save_screenshot(f"{folder}/docs-{size[0]}.png")


for size, dark in [(DESKTOP, False), (PHONE, True)]:
    driver = browser(size, dark, folder)
    try:
        open_playground(driver, address)
        speak_by_keyboard(driver)

        until(driver, "all is there", lambda driver: shown(driver, "length") not in ("", "–"))
        words = until(driver, "words are shown", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#words span"))
        assert [word.text for word in words] == "Read along with me Every word lights up".split()
        # A word is lit as long as it is heard. The sound stands still meanwhile, so that none passes while nobody looks.
        for word in words:
            driver.execute_script("arguments[0].click(); player.pause()", word)
            until(driver, f"{word.text} is lit", lambda driver: lit(driver) == [word.text])
            top, bottom = driver.execute_script("const at = arguments[0].getBoundingClientRect(); return [at.top, at.bottom]", word)
            assert 0 <= top and bottom <= size[1], f"{word.text} is not on the screen: {top} to {bottom}"
        words[0].click()
        until(driver, "the first word is sought", lambda driver: progress(driver) < 0.2)
        until(driver, "all was heard", lambda driver: progress(driver) == 1)
        assert darkest(driver) > size[0] / 8
        assert driver.execute_script("return player.duration") > 1
        assert shown(driver, "problem") == ""
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= size[0], f"the page is {wide} wide"
        driver.save_screenshot(f"{folder}/{size[0]}.png")
        assert not severe(driver)

        if size == DESKTOP:
            find(driver, "download").click()
            file = Path(folder) / "speech.wav"
            until(driver, "the file is there", lambda driver: file.exists() and file.stat().st_size > 40_000)
            assert file.read_bytes().startswith(b"RIFF")

        reference(driver, size)
    finally:
        driver.quit()
