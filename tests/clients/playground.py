"""What people do in the playground beside hearing a text to its end: `playground.py ADDRESS TOKEN`. The service lists all voices, to everyone."""

import socket
import sys
import threading
import urllib.request

from chromium import DESKTOP, browser, find, lit, open_playground, severe, shown, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

address, token = sys.argv[1:]
VOICE = "en_US-joe-medium"
# Half a minute of sound that is made at once, as its sentences are the same.
SHORT = "Read along with me. Every word lights up. " * 12
# Each sentence is a new one, so that all of it has to be made.
LONG = " ".join(f"Number {number} comes before number {number + 1}." for number in range(1000, 1130))

# Roles of what can be acted on.
CONTROLS = {"button", "checkbox", "combobox", "link", "listbox", "option", "slider", "textbox"}
NAMES = {
    ("textbox", "Token"), ("checkbox", "Remember until this tab is closed"), ("combobox", "Voice"), ("button", "Sample"),
    ("textbox", "Text"), ("checkbox", "It is SSML"), ("slider", "Speed"), ("button", "Speak"), ("button", "Stop"),
    ("listbox", "Words: Enter plays from the chosen one"), ("option", "along"), ("slider", "Position in the sound"),
    ("combobox", "Format of the file"), ("button", "Download"), ("textbox", "Type, and hear it meanwhile"), ("button", "Interrupt"),
}  # fmt: skip


class Passage:
    """A way to the service that can be closed in the middle of an answer."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.there = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.ends = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.there)
            self.ends += [near, far]
            for pair in [(near, far), (far, near)]:
                threading.Thread(target=self.pass_on, args=pair, daemon=True).start()

    def pass_on(self, source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            # Whoever waits at the other end learns of it.
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        for end in [self.listener, *self.ends]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def metric(name):
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def player(driver, member):
    return driver.execute_script(f"return player.{member}")


def frames(driver, count):
    """Lets the browser draw so many times."""
    driver.execute_async_script(
        "const done = arguments[1]; let left = arguments[0]; (function next() { left-- ? requestAnimationFrame(next) : done(); })()", count)


def enter(driver, text):
    field = find(driver, "text")
    driver.execute_script("arguments[0].value = arguments[1]", field, text)
    field.send_keys(Keys.CONTROL, Keys.ENTER)


def plays(driver):
    until(driver, "it plays", lambda driver: player(driver, "state") == "playing" and player(driver, "position") > 0)


def voices_are_shown_before_a_token_is_entered(driver):
    groups = until(driver, "the voices are listed", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#voice optgroup"))
    languages = [group.get_attribute("label") for group in groups]
    assert languages[0].startswith("English (") and "German (Germany)" in languages and len(languages) > 30, languages
    voice = find(driver, "voice")
    assert voice.get_attribute("value") == VOICE, "the default voice is chosen"
    label = voice.find_element(By.CSS_SELECTOR, f"option[value='{VOICE}']").text
    assert label == "Joe · medium · 63 MB · CC0", label
    assert shown(driver, "facts") == "English (United States). 22,050 Hz. Licence: CC0."
    assert find(driver, "token").get_attribute("aria-invalid") == "false"


def choose(driver, voice):
    driver.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", find(driver, "voice"), voice)


def a_voice_brings_its_language(driver):
    choose(driver, "de_DE-thorsten-medium")
    assert find(driver, "text").get_attribute("value").startswith("Hallo."), "the text is in the voice's language"
    assert "fetched when it first speaks" in shown(driver, "facts")
    choose(driver, VOICE)


def a_token_is_tried_while_it_is_entered(driver):
    field = find(driver, "token")
    field.send_keys("wrong")
    until(driver, "it is told that it is wrong", lambda driver: "does not accept this token" in shown(driver, "token-state"))
    assert field.get_attribute("aria-invalid") == "true"
    field.clear()
    field.send_keys(token)
    until(driver, "it is told that it is right", lambda driver: shown(driver, "token-state") == "Accepted.")
    assert field.get_attribute("aria-invalid") == "false"
    kept = "return [sessionStorage, localStorage].map((storage) => JSON.stringify(storage).includes(arguments[0]))"
    assert driver.execute_script(kept, token) == [False, False], "it is not kept unless that is wanted"
    find(driver, "remember").click()
    assert driver.execute_script(kept, token) == [True, False]
    find(driver, "remember").click()
    assert driver.execute_script(kept, token) == [False, False]


def the_sound_waits_while_it_is_paused(driver):
    enter(driver, SHORT)
    plays(driver)
    find(driver, "pause").click()
    assert (player(driver, "state"), shown(driver, "pause"), shown(driver, "status")) == ("paused", "Resume", "Paused.")
    until(driver, "the words are there", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#words [role='option']"))
    frames(driver, 3)
    before = player(driver, "position")
    frames(driver, 10)
    assert player(driver, "position") == before
    find(driver, "pause").click()
    until(driver, "it goes on", lambda driver: player(driver, "position") > before)
    assert (shown(driver, "pause"), shown(driver, "status")) == ("Pause", "Speaking …")


def everything_has_a_name(driver):
    tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = {(node["role"]["value"].lower(), node["name"]["value"].strip()) for node in tree if not node["ignored"] and "name" in node}
    controls = {(role, name) for role, name in nodes if role in CONTROLS}
    assert all(name for _, name in controls), controls
    assert controls >= NAMES, NAMES - controls


def words_and_waveform_are_reached_by_keys(driver):
    find(driver, "text").send_keys("")
    reached = []
    while len(reached) < 20 and (not reached or reached[-1] != "download"):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        element = driver.switch_to.active_element
        reached.append(element.get_attribute("id") or element.get_attribute("role"))
    assert reached == ["ssml", "speed", "more", "speak", "option", "position", "pause", "stop", "format", "download"], reached

    driver.execute_script("player.seek(0); player.pause()")
    first = driver.find_element(By.CSS_SELECTOR, "#words [tabindex='0']")
    first.send_keys(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert driver.switch_to.active_element.text == "with"
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    until(driver, "it plays from that word", lambda driver: player(driver, "state") == "playing" and player(driver, "position") > 0.2)

    slider = find(driver, "position")
    driver.execute_script("player.seek(0); player.pause()")
    slider.send_keys(Keys.HOME)
    assert player(driver, "position") == 0
    slider.send_keys(Keys.PAGE_UP, Keys.ARROW_RIGHT)
    assert 0.1 < player(driver, "position") / player(driver, "duration") < 0.2
    until(driver, "it is told where it is", lambda driver: "seconds" in slider.get_attribute("aria-valuetext"))
    driver.execute_script("player.seek(0); player.resume()")


def stop_unlights_the_words(driver):
    until(driver, "a word is lit", lit)
    find(driver, "stop").click()
    frames(driver, 2)
    assert (lit(driver), player(driver, "state"), shown(driver, "status")) == ([], "stopped", "Stopped.")


def stop_ends_the_sound_and_the_request(driver):
    enter(driver, LONG)
    plays(driver)
    find(driver, "stop").click()
    begun = driver.execute_script("return begun")
    assert driver.execute_script("return asked.at(-1).signal.aborted"), "the request is given up"
    until(driver, "the service has noticed", lambda driver: metric("tts_queue_depth") == 0)
    frames(driver, 10)
    assert driver.execute_script("return begun") == begun, "no further sound begins"
    assert (player(driver, "state"), shown(driver, "status"), shown(driver, "problem")) == ("stopped", "Stopped.", "")
    assert metric("tts_sentences_synthesized_total") < 100, "most of it is never made"


def typing(driver, member):
    return driver.execute_script(f"return typing.player.{member}")


def what_is_typed_is_heard_meanwhile(driver):
    path = f"http://{address}/page/speak.js"
    driver.execute_async_script("import(arguments[0]).then((page) => { window.typing = page.typing; arguments[1](); })", path)
    box = find(driver, "typed")
    box.send_keys("The first sentence is heard befoer")
    assert typing(driver, "state") == "empty"
    # The word that is being typed can be mended.
    box.send_keys(Keys.BACKSPACE, Keys.BACKSPACE, "re the next one. Now")
    box.send_keys(" it")
    until(driver, "the first sentence is heard", lambda driver: typing(driver, "state") == "playing")
    # They are shown anew with each word that is typed.
    said = "return [...document.querySelectorAll('#typed-words [role=option]')].map((word) => word.textContent).join(' ')"
    first = "The first sentence is heard before the next one"
    until(driver, "its words are there", lambda driver: driver.execute_script(said).startswith(first))
    until(driver, "a word is lit", lambda driver: driver.find_elements(By.CSS_SELECTOR, "#typed-words .said"))
    assert shown(driver, "typing-problem") == ""
    one = typing(driver, "duration")
    box.send_keys(" is the second", Keys.ENTER)
    until(driver, "the rest is spoken", lambda driver: typing(driver, "duration") > one + 0.3)


def a_button_interrupts_what_is_typed(driver):
    box, cleared = find(driver, "typed"), metric("tts_live_clears_total")
    box.send_keys(LONG.replace("before", "long before"), Keys.ENTER)
    until(driver, "it is heard", lambda driver: typing(driver, "state") == "playing")
    find(driver, "interrupt").click()
    assert typing(driver, "state") == "stopped"
    until(driver, "the service has noticed", lambda driver: metric("tts_live_clears_total") > cleared and metric("tts_queue_depth") == 0)
    begun = driver.execute_script("return begun")
    frames(driver, 10)
    assert driver.execute_script("return begun") == begun, "no further sound begins"
    box.send_keys("Another text", Keys.ENTER)
    until(driver, "it goes on with what is typed then", lambda driver: typing(driver, "state") == "playing")
    assert shown(driver, "typed-words").strip() == "Another text"


def an_error_says_what_to_do(driver):
    field = find(driver, "token")
    field.clear()
    field.send_keys("wrong", Keys.TAB)
    find(driver, "speak").click()
    until(driver, "the fault is named", lambda driver: "does not accept this token. Check it" in shown(driver, "problem"))
    assert driver.switch_to.active_element == field
    field.clear()
    field.send_keys(token, Keys.TAB)
    enter(driver, " ")
    until(driver, "the fault is named", lambda driver: shown(driver, "problem").endswith(".") and "token" not in shown(driver, "problem"))
    driver.refresh()
    find(driver, "token").send_keys("wrong", Keys.TAB)
    find(driver, "typed").send_keys("Nobody hears this", Keys.ENTER)
    until(driver, "the fault is named", lambda driver: "does not accept this token. Check it" in shown(driver, "typing-problem"))


def a_service_that_goes_away_is_told_of(driver):
    passage = Passage(address)
    open_playground(driver, passage.address)
    find(driver, "token").send_keys(token, Keys.TAB)
    until(driver, "the token is tried", lambda driver: shown(driver, "token-state") == "Accepted.")
    enter(driver, LONG.replace("before", "after"))
    plays(driver)
    passage.close()
    until(driver, "the end is told of", lambda driver: "broke off. Check that it runs" in shown(driver, "problem"))
    assert player(driver, "duration") > 0, "what came is kept"
    find(driver, "speak").click()
    until(driver, "it is told again", lambda driver: "cannot be reached. Check that it runs" in shown(driver, "problem"))


driver = browser(DESKTOP)
try:
    open_playground(driver, address)
    voices_are_shown_before_a_token_is_entered(driver)
    a_voice_brings_its_language(driver)
    a_token_is_tried_while_it_is_entered(driver)
    the_sound_waits_while_it_is_paused(driver)
    everything_has_a_name(driver)
    words_and_waveform_are_reached_by_keys(driver)
    stop_unlights_the_words(driver)
    stop_ends_the_sound_and_the_request(driver)
    what_is_typed_is_heard_meanwhile(driver)
    a_button_interrupts_what_is_typed(driver)
    assert not severe(driver)
    an_error_says_what_to_do(driver)
    a_service_that_goes_away_is_told_of(driver)
finally:
    driver.quit()
