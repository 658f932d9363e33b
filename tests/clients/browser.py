"""The playground in a real browser: `browser.py ADDRESS TOKEN FOLDER`. Leaves pictures of it in the folder, and ends with an error if it does not
work."""

import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

address, token, folder = sys.argv[1:]
TEXT = "Read along with me. Every word lights up."
PHONE, DESKTOP = (390, 844), (1280, 800)


def browser(size, dark):
    options = webdriver.ChromeOptions()
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size[0]},{size[1]}"]:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": folder})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    return driver


def until(driver, what, condition):
    return WebDriverWait(driver, 30, 0.05).until(condition, what)


def shown(driver, element):
    return driver.find_element(By.ID, element).text


def darkest(driver):
    """Columns of the waveform with more than a line in them."""
    return driver.execute_script("""
        const canvas = document.getElementById("wave"), pen = canvas.getContext("2d");
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const filled = new Map();
        for (let at = 3; at < data.length; at += 4)
            if (data[at] > 0) { const x = ((at - 3) / 4) % canvas.width; filled.set(x, (filled.get(x) ?? 0) + 1); }
        return [...filled.values()].filter((height) => height > 8).length;""")


def heard(driver):
    """The words that are lit."""
    return driver.execute_script("return [...document.querySelectorAll('#words .said')].map((word) => word.textContent)")


def progress(driver):
    """The share that was heard."""
    return driver.execute_script("return said.heard() * said.rate / said.length")


def no_complaints(driver):
    severe = [line for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    assert not severe, severe


def speak_by_keyboard(driver):
    field = driver.find_element(By.ID, "token")
    field.clear()
    field.send_keys(token, Keys.TAB)
    until(driver, "the voices are listed", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#voice option"))
    text = driver.find_element(By.ID, "text")
    text.clear()
    text.send_keys(TEXT, Keys.CONTROL, Keys.ENTER)


for size, dark in [(DESKTOP, False), (PHONE, True)]:
    driver = browser(size, dark)
    try:
        driver.get(f"http://{address}/")
        speak_by_keyboard(driver)

        until(driver, "all is there", lambda driver: shown(driver, "length") not in ("", "–"))
        words = until(driver, "words are shown", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#words span"))
        assert [word.text for word in words] == "Read along with me Every word lights up".split()
        # A word is lit as long as it is heard. The sound stands still meanwhile, so that none passes while nobody looks.
        driver.execute_async_script("said.context.suspend().then(arguments[0])")
        for index, word in enumerate(words):
            driver.execute_script("said.seek(said.words[arguments[0]].start + 0.01)", index)
            until(driver, f"{word.text} is lit", lambda driver: heard(driver) == [word.text])
        words[0].click()
        until(driver, "the first word is sought", lambda driver: progress(driver) < 0.2)
        driver.execute_async_script("said.context.resume().then(arguments[0])")
        until(driver, "all was heard", lambda driver: progress(driver) == 1)
        assert darkest(driver) > size[0] / 8
        samples = driver.execute_script("return [said.length, Math.max(...said.parts.map((part) => Math.max(...part)))]")
        assert samples[0] > 20_000 and samples[1] > 0.1, samples
        assert shown(driver, "problem") == ""
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= size[0], f"the page is {wide} wide"
        driver.save_screenshot(f"{folder}/{size[0]}.png")
        no_complaints(driver)

        if size == DESKTOP:
            driver.find_element(By.ID, "download").click()
            file = Path(folder) / "speech.wav"
            until(driver, "the file is there", lambda driver: file.exists() and file.stat().st_size > 40_000)
            assert file.read_bytes().startswith(b"RIFF")

            field = driver.find_element(By.ID, "token")
            field.clear()
            field.send_keys("wrong")
            driver.find_element(By.ID, "speak").click()
            until(driver, "the fault is named", lambda driver: "token" in shown(driver, "problem"))

            driver.get(f"http://{address}/docs")
            until(driver, "the reference", lambda driver: len(driver.find_elements(By.CSS_SELECTOR, "section h3")) > 10)
            driver.save_screenshot(f"{folder}/docs.png")
    finally:
        driver.quit()
