"""Chromium, as the scripts beside this one drive it."""

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PHONE, DESKTOP = (390, 844), (1280, 800)

# Counts what begins to sound and keeps what is asked for, before the page's own scripts run.
WATCH = """
    window.begun = 0;
    window.asked = [];
    const start = AudioBufferSourceNode.prototype.start, fetching = window.fetch;
    AudioBufferSourceNode.prototype.start = function (...when) { begun++; return start.apply(this, when); };
    window.fetch = (path, options) => { asked.push({ path, signal: options?.signal }); return fetching(path, options); };"""


def browser(size, dark=False, folder=None):
    options = webdriver.ChromeOptions()
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--lang=en-US", f"--window-size={size[0]},{size[1]}"]:
        options.add_argument(argument)
    if folder:
        options.add_experimental_option("prefs", {"download.default_directory": folder, "profile.default_content_setting_values.automatic_downloads": 1})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    return driver


def open_playground(driver, address):
    """Opens the page, and makes its player known to scripts as `player`."""
    driver.get(f"http://{address}/")
    path = f"http://{address}/page/speak.js"
    driver.execute_async_script("import(arguments[0]).then((page) => { window.player = page.player; arguments[1](); })", path)


def until(driver, what, condition):
    return WebDriverWait(driver, 30, 0.05).until(condition, what)


def find(driver, element):
    return driver.find_element(By.ID, element)


def shown(driver, element):
    return find(driver, element).text


def lit(driver):
    """The words that are lit."""
    return driver.execute_script("return [...document.querySelectorAll('#words .said')].map((word) => word.textContent)")


def severe(driver):
    """What the page has to complain of, but for tokens that are refused."""
    lines = [line for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    return [line for line in lines if "status of 403" not in line["message"]]
