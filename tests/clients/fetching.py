"""A voice is chosen among those that may be fetched, and heard: `fetching.py ADDRESS TOKEN VOICE`."""

import sys
import urllib.request

from chromium import DESKTOP, browser, find, severe, shown, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

address, token, voice = sys.argv[1:]


def press(driver, label):
    card = until(driver, "the voice is found", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#library li"))
    assert len(card) == 1, [one.text for one in card]
    next(button for button in card[0].find_elements(By.TAG_NAME, "button") if button.text == label).click()


# The list of where voices come from is fetched when it is first asked for.
urllib.request.urlopen(urllib.request.Request(f"http://{address}/v1/catalogue", headers={"user-token": token}))
driver = browser(DESKTOP)
try:
    driver.get(f"http://{address}/#voices")
    find(driver, "token").send_keys(token, Keys.TAB)
    until(driver, "German is among the languages", lambda driver: "German" in find(driver, "find-language").text)
    language = Select(find(driver, "find-language"))
    language.select_by_visible_text(next(option.text for option in language.options if "German" in option.text))
    press(driver, "Fetch")
    until(driver, "the voice is here", lambda driver: shown(driver, "library-state") == f"{voice} is here.")
    assert "installed" in find(driver, "library").text
    press(driver, "Sample")
    until(driver, "it is heard", lambda driver: driver.execute_script("return document.querySelector('#library audio')?.currentTime > 0"))
    assert not severe(driver)
finally:
    driver.quit()
