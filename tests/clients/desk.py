"""The parts of the page at `/`, each as it is worked with: `desk.py ADDRESS TOKEN SPEAKER FIXTURES FOLDER [PICTURES]`. `SPEAKER` is a token that may speak
and do no more, `FIXTURES` has voices that are made for tests, `FOLDER` is for files; in `PICTURES` pictures of all parts are left."""

import subprocess
import sys
import zipfile
from pathlib import Path

from chromium import DESKTOP, PHONE, browser, find, severe, shown, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

address, token, speaker, *places = sys.argv[1:]
fixtures, folder, *wanted = map(Path, places)
VOICE = "en_US-joe-medium"
TABLET = (768, 1024)
PARTS = ["speak", "voices", "batches", "use"]
CONTROLS = {"button", "checkbox", "combobox", "link", "listbox", "option", "slider", "spinbutton", "textbox", "searchbox", "table", "progressbar", "image"}


def all_of(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def texts(driver, selector):
    return driver.execute_script("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)


def press(driver, selector, label):
    """The button below the selector that is called so; it is where somebody would see it."""
    button = next(button for button in all_of(driver, f"{selector} button") if button.text == label)
    button.click()
    return button


def enter_token(driver, secret):
    field = find(driver, "token")
    field.clear()
    field.send_keys(secret, Keys.TAB)
    until(driver, "the token is tried", lambda driver: shown(driver, "token-state").startswith("Accepted"))


def open_part(driver, name):
    all_of(driver, "#parts a")[PARTS.index(name)].click()
    until(driver, f"{name} is there", lambda driver: find(driver, f"part-{name}").get_attribute("aria-busy") == "false")
    assert find(driver, f"part-{name}").is_displayed()


def is_loaded(driver, script):
    return driver.execute_script("return performance.getEntriesByType('resource').some(({ name }) => name.endsWith(arguments[0]))", script)


def file_named(name, driver):
    path = folder / name
    until(driver, f"{name} is there", lambda driver: path.exists() and path.stat().st_size)
    content = path.read_bytes()
    path.unlink()
    return content


def the_scripts_of_a_part_come_when_it_is_opened(driver):
    driver.get(f"http://{address}/")
    until(driver, "the page runs", lambda driver: shown(driver, "count"))
    assert is_loaded(driver, "speak.js") and not any(is_loaded(driver, name) for name in ["library.js", "batches.js", "use.js"])
    paints = driver.execute_script("return performance.getEntriesByType('paint').map(({ name, startTime }) => [name, startTime])")
    print("paints", paints)
    enter_token(driver, token)


def speak(driver, text):
    field, count = find(driver, "text"), len(all_of(driver, "#takes > li"))
    driver.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", field, text)
    field.send_keys(Keys.CONTROL, Keys.ENTER)
    until(driver, "the take is there", lambda driver: len(all_of(driver, "#takes > li")) == count + 1)


def takes_stand_side_by_side(driver):
    """Each with its settings: to be heard, kept, made again and written as code."""
    speak(driver, "It's the first of them.")
    find(driver, "more").click()
    find(driver, "volume").send_keys("0.5")
    find(driver, "silence").send_keys("300")
    speak(driver, "This is the other one.")
    assert texts(driver, "#takes h3") == ["Take 2", "Take 1"]
    assert texts(driver, "#takes > li > .soft") == ["Joe · volume 0.5 · silence 300 ms", "Joe"]
    lengths = driver.execute_async_script("""
        const sounds = [...document.querySelectorAll("#takes audio")];
        Promise.all(sounds.map((sound) => sound.duration || new Promise((done) => sound.onloadedmetadata = () => done(sound.duration)))).then(arguments[0]);""")
    assert all(0.5 < length < 5 for length in lengths), lengths
    heard = "return document.querySelectorAll('#takes audio')[arguments[0]].currentTime"
    for at, sound in enumerate(all_of(driver, "#takes audio")):
        driver.execute_script("arguments[0].play()", sound)
        until(driver, "it is heard", lambda driver: driver.execute_script(heard, at) > 0)
    assert driver.execute_script("return document.querySelector('#takes audio').paused"), "one at a time is heard"

    find(driver, "volume").send_keys(Keys.BACKSPACE * 3, "9")
    find(driver, "more").click()
    find(driver, "speak").click()
    assert find(driver, "volume").is_displayed(), "what is wrong is shown"
    press(driver, "#takes li:last-child", "Use again")
    assert [find(driver, name).get_attribute("value") for name in ["text", "volume", "silence"]] == ["It's the first of them.", "", ""]
    press(driver, "#takes li:first-child", "Remove")
    assert texts(driver, "#takes h3") == ["Take 1"]


def a_take_is_code_that_runs(driver):
    driver.find_element(By.CSS_SELECTOR, "#takes summary").click()
    language = Select(driver.find_element(By.CSS_SELECTOR, "#takes details select"))
    for name, begin, command in [("curl", "curl ", ["sh", "-c"]), ("Python", "import ", ["python3", "-c"])]:
        language.select_by_visible_text(name)
        code = until(driver, "it is written", lambda driver: [code for code in texts(driver, "#takes pre") if code.startswith(begin)])[0]
        assert token not in code
        subprocess.run([*command, code.replace("TOKEN", token)], cwd=folder, check=True, capture_output=True)
        assert file_named("speech.wav", driver).startswith(b"RIFF"), name
    language.select_by_visible_text("JavaScript")
    code = until(driver, "it is written", lambda driver: [code for code in texts(driver, "#takes pre") if code.startswith("const ")])[0]
    path = folder / "take.mjs"
    path.write_text(f"{code.replace('TOKEN', token)}\nconsole.log(sound.size);")
    answer = subprocess.run(["node", path], check=True, capture_output=True, text=True)
    path.unlink()
    assert int(answer.stdout) > 10_000, answer


def the_oldest_takes_make_room(driver):
    assert driver.execute_async_script("""
        import("/page/takes.js").then(({ Takes }) => {
            const list = document.createElement("ol"), takes = new Takes(list, {});
            document.createElement("div").append(list);
            for (let at = 1; at <= 21; at++) takes.add({ text: "Hello." }, undefined, [new Float32Array(8)], 8000);
            arguments[0]([list.children.length, list.lastElementChild.querySelector("h3").textContent]);
        });""") == [20, "Take 2"]


def subtitles_and_files_are_kept(driver):
    Select(find(driver, "format")).select_by_visible_text("srt")
    find(driver, "download").click()
    assert b"-->" in file_named("speech.srt", driver)
    Select(find(driver, "format")).select_by_visible_text("mp3")
    press(driver, "#takes li", "Download")
    assert len(file_named("speech.mp3", driver)) > 1000


def a_text_is_counted_and_one_that_is_too_long_explained(driver):
    field = find(driver, "text")
    driver.execute_script("arguments[0].value = 'Hi. '.repeat(1251); arguments[0].dispatchEvent(new Event('input'))", field)
    assert shown(driver, "count") == "5,004 of 5,000 characters" and field.get_attribute("aria-invalid") == "true"
    find(driver, "speak").click()
    until(driver, "it is explained", lambda driver: "longer than the service takes. Shorten it" in shown(driver, "problem"))


def choices_are_remembered_and_what_was_written_is_not(driver):
    find(driver, "volume").send_keys("0.7", Keys.TAB)
    kept = driver.execute_script("return JSON.stringify(localStorage)")
    assert "0.7" in kept and "Hi." not in kept and token not in kept, kept
    driver.refresh()
    until(driver, "the page runs", lambda driver: shown(driver, "count"))
    assert (find(driver, "volume").get_attribute("value"), find(driver, "format").get_attribute("value")) == ("0.7", "mp3")
    assert find(driver, "text").get_attribute("value").startswith("Hello."), "no text is kept"
    enter_token(driver, token)


CSV = 'text,custom_id,voice_id,speed\r\n"He said ""yes"",\r\nand left.",one,,1.5\r\n,two,,\r\nHello.,one,,\r\nHello.,three,xx_XX-nobody-low,\r\nGood evening.,four,,\r\n'


# What is written, and what is read: RFC 4180, and what spreadsheets make of it.
CSV_FILES = [
    ('a,b\r\nc,d\r\n', [[1, ["a", "b"]], [2, ["c", "d"]]]),
    ('a,b\nc,d', [[1, ["a", "b"]], [2, ["c", "d"]]]),
    ('"a","b, ""c""\r\nd"\r\n\r\ne,\r\n', [[1, ["a", 'b, "c"\r\nd']], [4, ["e", ""]]]),
    ('a;b\n"c;d";1,5\n', [[1, ["a", "b"]], [2, ["c;d", "1,5"]]]),
    ('a\tb\n,\t\n', [[1, ["a", "b"]], [2, [",", ""]]]),
    ("", []),
    ('a,b\n"c,d\n', "The quote that is opened on line 2 is never closed."),
    ('a,b\n"c"d,e\n', "On line 2 something follows a closing quote. Double each quote within a field in quotes."),
]  # fmt: skip


def csv_is_read_as_it_is_written(driver):
    for written, read in CSV_FILES:
        found = driver.execute_async_script("""
            const [written, done] = arguments;
            import("/page/csv.js").then(({ parseCsv }) => done(parseCsv(written).map(({ line, fields }) => [line, fields]))).catch((error) => done(error.message));""", written)
        assert found == read, (written, found)


def items(driver):
    """What stands in the cells of the table."""
    return driver.execute_script("return [...document.querySelectorAll('#item-table tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))")


def choose_file(driver, name, content):
    path = folder / name
    path.write_text(content, newline="")
    find(driver, "batch-file").send_keys(str(path))


def lines_are_checked_before_they_are_sent(driver):
    open_part(driver, "batches")
    choose_file(driver, "prompts.csv", CSV)
    until(driver, "they are counted", lambda driver: shown(driver, "prepared"))
    assert shown(driver, "prepared") == "2 items to be spoken. 3 of 5 lines have a problem and are left out."
    rows = items(driver)
    assert rows[0] == ["2", "one", 'He said "yes",\r\nand left.', "", "ready"], rows[0]
    assert rows[1] == ["4", "two", "", "", "There is no text."] and "a line before" in rows[2][4]
    assert rows[3][4] == "There is no voice “xx_XX-nobody-low”."
    find(driver, "only-problems").click()
    assert len(items(driver)) == 3
    find(driver, "only-problems").click()


def a_batch_is_followed_heard_and_fetched(driver):
    Select(find(driver, "batch-format")).select_by_visible_text("mp3")
    send = find(driver, "batch-send")
    assert send.text == "Speak 2 items"
    send.click()
    until(driver, "all is done", lambda driver: shown(driver, "batch-status").startswith("All is done. 2 of 2 are done"))
    assert driver.switch_to.active_element == find(driver, "items-title")
    assert [row[1] for row in items(driver)] == ["one", "four"]
    press(driver, "#item-table tr:last-child", "Hear")
    until(driver, "it is heard", lambda driver: driver.execute_script("return document.getElementById('item-sound').currentTime") > 0)
    find(driver, "batch-archive").click()
    archive = until(driver, "the archive is there", lambda driver: [path for path in folder.glob("*.zip") if path.stat().st_size])[0]
    names = zipfile.ZipFile(archive).namelist()
    archive.unlink()
    assert names == ["00000-one.mp3", "00001-four.mp3", "manifest.json"], names


def a_line_that_the_service_refuses_is_named(driver):
    choose_file(driver, "prompts.jsonl", '{"text": "ꭰ"}\n\nnothing\n{"text": "Two.", "colour": "red"}\n')
    until(driver, "they are counted", lambda driver: shown(driver, "prepared").startswith("2 items"))
    assert [row[4] for row in items(driver)] == ["ready", "This is no object of JSON.", "ready"]
    find(driver, "batch-send").click()
    until(driver, "it is told", lambda driver: shown(driver, "batch-problem").startswith("Line 4: "))
    assert items(driver)[2][4] == "Unknown field colour." and shown(driver, "batch-send") == "Speak 1 item"


def a_line_that_fails_says_why(driver):
    find(driver, "batch-send").click()
    until(driver, "it has failed", lambda driver: shown(driver, "batch-status").startswith("It has ended. 0 of 1 are done, 1 failed"))
    assert items(driver)[0][4].startswith("failed: ") and find(driver, "batch-archive").get_attribute("aria-disabled") == "true"


def a_text_file_can_be_dropped(driver):
    driver.execute_script("""
        const data = new DataTransfer();
        data.items.add(new File(["First line.\\n\\nSecond line.\\n"], "book.txt"));
        document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));""")
    until(driver, "they are counted", lambda driver: shown(driver, "prepared") == "2 items to be spoken.")
    assert [row[0] for row in items(driver)] == ["1", "3"]
    choose_file(driver, "wrong.csv", "words\nHello.\n")
    until(driver, "it is told", lambda driver: "one of them “text”" in shown(driver, "batch-problem"))


def batches_of_before_are_opened_and_removed(driver):
    until(driver, "both are listed", lambda driver: len(all_of(driver, "#earlier tbody tr")) == 2)
    press(driver, "#earlier tbody tr:last-child", "Open")
    until(driver, "its items are there", lambda driver: [row[1] for row in items(driver)] == ["one", "four"])
    find(driver, "batch-remove").click()
    driver.switch_to.alert.accept()
    until(driver, "it is gone", lambda driver: len(all_of(driver, "#earlier tbody tr")) == 1)


def use_is_shown_as_pictures_and_as_a_table(driver):
    open_part(driver, "use")
    until(driver, "it is asked for", lambda driver: len(all_of(driver, "#use-charts svg")) == 4)
    labels = [chart.get_attribute("aria-label") for chart in all_of(driver, "#use-charts svg")]
    assert all(label.startswith(f"{name} by day: ") for label, name in zip(labels, ["Requests", "Characters", "Seconds of speech", "Refusals"], strict=True)), labels
    find(driver, "part-use").find_element(By.TAG_NAME, "summary").click()
    rows = {row[1]: row for row in ([cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in all_of(driver, "#use-table tbody tr"))}
    own = rows["The secret of the settings"]
    # Takes and their files, the items of the batch; refused were the text that was too long and the batch with a field that is none.
    assert int(own[2]) >= 8 and int(own[8]) >= 2, own
    assert driver.execute_script("return document.querySelectorAll('#use-charts svg')[0].querySelectorAll('rect.made').length") == 35
    state = until(driver, "the state is told", lambda driver: shown(driver, "service-state"))
    assert state.startswith("Ready · 0 in the queue") and "1 voice in memory" in state and state.endswith("without Redis"), state


def card(name):
    return f"#library li:has([aria-label^='Sample: {name},'])"


def voices_are_searched_and_heard(driver):
    open_part(driver, "voices")
    until(driver, "they are there", lambda driver: "voices" in shown(driver, "library-state"))
    find(driver, "find-words").send_keys("german thor")
    assert {"Thorsten", "Thorsten emotional"} >= set(texts(driver, "#library h3")) != set(), texts(driver, "#library h3")
    find(driver, "find-words").send_keys(Keys.BACKSPACE * len("german thor"))
    Select(find(driver, "find-speakers")).select_by_visible_text("Several")
    find(driver, "find-installed").click()
    assert texts(driver, "#library h3") == ["speakers"]
    Select(find(driver, "find-speakers")).select_by_visible_text("Any number")
    assert sorted(texts(driver, "#library h3")) == ["Joe", "speakers"], texts(driver, "#library h3")
    voices_are_ordered_by_what_was_measured(driver)
    press(driver, card("Joe"), "Sample")
    sound = "return document.querySelector('#library audio').currentTime"
    until(driver, "the sample is heard", lambda driver: driver.execute_script(sound) > 0)


def voices_are_ordered_by_what_was_measured(driver):
    order = Select(find(driver, "find-order"))
    assert texts(driver, "#library h3") == ["Joe", "speakers"], "by name"
    order.select_by_visible_text("Best understood first")
    assert texts(driver, "#library h3") == ["speakers", "Joe"]
    facts = texts(driver, "#library h3 + p + p")
    assert "2.5% of words misheard, rated 3.3 of 5" in facts[0] and "9.3% of words misheard" in facts[1], facts
    find(driver, "find-installed").click()
    names, facts = texts(driver, "#library h3"), texts(driver, "#library h3 + p + p")
    assert len(names) > 2 and names[:2] == ["speakers", "Joe"], names
    assert not any("misheard" in fact for fact in facts[2:]), facts
    find(driver, "find-installed").click()
    order.select_by_visible_text("Installed ones first")


def the_same_sentence_is_heard_of_two_voices(driver):
    press(driver, card("speakers"), "Compare")
    press(driver, card("Joe"), "Compare")
    assert [find(driver, f"compare-{side}").get_attribute("value") for side in ["first", "second"]] == ["speakers", VOICE]
    text = find(driver, "compare-text")
    text.clear()
    text.send_keys("abc")
    for side in ["first", "second"]:
        find(driver, f"compare-{side}-hear").click()
        sound = f"return document.querySelector('#compare-{side} ~ audio').duration > 0"
        until(driver, f"the {side} is heard", lambda driver: driver.execute_script(sound))


def voices_are_handed_in_and_removed(driver):
    find(driver, "upload-model").send_keys(str(fixtures / "vits-low.onnx"))
    find(driver, "upload-config").send_keys(str(fixtures / "vits-low.onnx.json"))
    assert find(driver, "upload-name").get_attribute("value") == "vits-low"
    find(driver, "upload-send").click()
    until(driver, "it is there", lambda driver: shown(driver, "upload-state") == "vits-low is there.")
    find(driver, "find-words").send_keys("vits")
    assert texts(driver, "#library h3") == ["vits-low"]
    press(driver, "#library li", "Remove")
    driver.switch_to.alert.accept()
    until(driver, "it is gone", lambda driver: not all_of(driver, "#library li"))
    find(driver, "find-words").clear()
    find(driver, "find-words").send_keys("joe")
    press(driver, "#library li", "Speak with it")
    until(driver, "one can speak", lambda driver: find(driver, "part-speak").is_displayed())
    assert find(driver, "voice").get_attribute("value") == VOICE


def a_token_that_may_not_is_told_why(driver):
    enter_token(driver, speaker)
    open_part(driver, "voices")
    assert "scope “manage”" in shown(driver, "upload-why") and not find(driver, "upload").is_displayed()
    assert not any(button.text == "Remove" for button in all_of(driver, "#library button"))


def everything_is_done_by_keys(driver):
    """From the top of the page to a sound, a batch and the use, and each thing says what it is."""
    driver.get("about:blank")
    driver.get(f"http://{address}/")
    until(driver, "the page runs", lambda driver: shown(driver, "count"))

    def tab_to(wanted, most=40):
        for _ in range(most):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            element = driver.switch_to.active_element
            outline = driver.execute_script("return getComputedStyle(arguments[0]).outlineStyle", element)
            # The browser's own player shows it on the control within.
            assert outline != "none" or element.tag_name == "audio", f"nobody sees the focus on {element.get_attribute('outerHTML')}"
            if wanted in (element.get_attribute("id"), element.text):
                return element
        raise AssertionError(f"{wanted} is not reached")

    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert driver.switch_to.active_element.text == "Speak"
    tab_to("token").send_keys(token)
    tab_to("text").send_keys(Keys.CONTROL, "a")
    driver.switch_to.active_element.send_keys("By keys alone.")
    tab_to("speak").send_keys(Keys.ENTER)
    until(driver, "it was spoken", lambda driver: all_of(driver, "#takes li"))
    tab_to("Use again").send_keys(Keys.ENTER)
    assert driver.switch_to.active_element == find(driver, "text")
    for name, first in [("voices", "find-words"), ("batches", "batch-file"), ("use", "use-token")]:
        driver.execute_script("document.querySelector('#parts a').focus()")
        tab_to(name.capitalize()).send_keys(Keys.ENTER)
        until(driver, f"{name} has the focus", lambda driver: driver.switch_to.active_element == find(driver, f"part-{name}"))
        assert driver.title == f"{name.capitalize()} – tts-batch-api"
        tab_to(first, 1)
        everything_has_a_name(driver)


def everything_has_a_name(driver):
    tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [(node["role"]["value"].lower(), node.get("name", {}).get("value", "").strip()) for node in tree if not node["ignored"]]
    nameless = [role for role, name in nodes if role in CONTROLS and not name]
    assert not nameless, nameless
    assert ("navigation", "Parts") in nodes and ("textbox", "Token") in nodes
    focused = [node for node in tree if any(each["name"] == "focused" and each["value"]["value"] for each in node.get("properties", []))]
    assert focused and focused[-1]["name"]["value"], "what has the focus has a name"


def pictures(driver):
    """Of each part at three widths, light and dark; nothing is wider than the screen."""
    open_part(driver, "batches")
    choose_file(driver, "prompts.csv", CSV)
    for width, height in [PHONE, TABLET, DESKTOP]:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == PHONE[0]}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for name in PARTS:
            driver.execute_script("location.hash = arguments[0]", name)
            until(driver, f"{name} is shown", lambda driver: find(driver, f"part-{name}").is_displayed())
            wide = driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide at {width}"
            for scheme in ["light", "dark"] if wanted else []:
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
                full = driver.execute_script("return document.documentElement.scrollHeight")
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics | {"height": min(full, 4000)})
                driver.save_screenshot(f"{wanted[0]}/{name}-{width}-{scheme}.png")
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


driver = browser(DESKTOP, folder=str(folder))
try:
    the_scripts_of_a_part_come_when_it_is_opened(driver)
    takes_stand_side_by_side(driver)
    a_take_is_code_that_runs(driver)
    the_oldest_takes_make_room(driver)
    subtitles_and_files_are_kept(driver)
    a_text_is_counted_and_one_that_is_too_long_explained(driver)
    choices_are_remembered_and_what_was_written_is_not(driver)
    csv_is_read_as_it_is_written(driver)
    lines_are_checked_before_they_are_sent(driver)
    a_batch_is_followed_heard_and_fetched(driver)
    a_line_that_the_service_refuses_is_named(driver)
    a_line_that_fails_says_why(driver)
    a_text_file_can_be_dropped(driver)
    batches_of_before_are_opened_and_removed(driver)
    use_is_shown_as_pictures_and_as_a_table(driver)
    voices_are_searched_and_heard(driver)
    the_same_sentence_is_heard_of_two_voices(driver)
    voices_are_handed_in_and_removed(driver)
    everything_is_done_by_keys(driver)
    pictures(driver)
    a_token_that_may_not_is_told_why(driver)
    # Browsers write down each answer that is an error, which some of these are to be.
    complaints = [line for line in severe(driver) if "Failed to load resource" not in line["message"]]
    assert not complaints, complaints
finally:
    driver.quit()
