#!/usr/bin/env python3
"""Makes data/pinyin.txt and data/words.txt, how Chinese characters are read, from the tables of g2pW and pypinyin.

A line of pinyin.txt holds a reading and the characters that have it. A character of several readings has the one that g2pW's tables have
first, which is the most frequent one, but for a few that are named here. A simplified character is read as the traditional one that it
stands for.

A line of words.txt is a word of pypinyin in which characters are read otherwise, each with its reading behind it. Only readings that g2pW's
tables have are taken, and only words that the shorter ones before them do not say as well. A number has no other readings than its digits: none of
these words is one, and behind what makes a one the end of a number it is read as that, as in 十一个.

    pip download --no-deps g2pw==0.1.2 pypinyin==0.55.0
    python3 tools/pinyin.py g2pw-0.1.2-py3-none-any.whl pypinyin-0.55.0-py2.py3-none-any.whl
"""

import json
import sys
import unicodedata
import zipfile
from collections import defaultdict
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
# Of these the tables have a rarer reading first.
FREQUENT = {"着": "zhe5", "长": "chang2", "長": "chang2", "得": "de5", "似": "si4", "勒": "le4"}
NUMERALS = set("零〇一二三四五六七八九十百千万亿两点")
BEFORE_LAST_ONE = "十零〇第"
TONES = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}


def numbered(syllable: str) -> str:
    """`nǚ` as `nv3`."""
    letters = unicodedata.normalize("NFD", syllable)
    tone = next((TONES[letter] for letter in letters if letter in TONES), "5")
    letters = "".join(letter for letter in letters if letter not in TONES)
    return letters.replace("u\u0308", "v") + tone


def read(word: str, usual: dict[str, str], words: dict[str, list[str]], longest: int) -> list[str]:
    """Readings of characters by the longest words that begin at each."""
    readings, at = [], 0
    while at < len(word):
        lengths = range(min(longest, len(word) - at), 1, -1)
        length = next((length for length in lengths if word[at : at + length] in words), 1)
        readings += words.get(word[at : at + length], [usual[word[at]]])
        at += length
    return readings


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        table = lambda name: wheel.read(f"g2pw/{name}").decode()  # noqa: E731
        bopomofo = json.loads(table("char_bopomofo_dict.json"))
        pinyin = json.loads(table("bopomofo_to_pinyin_wo_tune_dict.json"))
        traditional = dict(line.split("\t") for line in table("bert-base-chinese_s2t_dict.txt").strip().split("\n"))
    with zipfile.ZipFile(sys.argv[2]) as wheel:
        phrases = json.loads(wheel.read("pypinyin/phrases_dict.json"))

    candidates = {
        character: [pinyin[one[:-1]] + one[-1] for one in bopomofo[traditional.get(character, character)]]
        for character in sorted(bopomofo.keys() | traditional.keys())
    }
    usual = {character: FREQUENT.get(character, readings[0]) for character, readings in candidates.items()}
    characters = defaultdict(list)
    for character, reading in usual.items():
        characters[reading].append(character)
    lines = (f"{reading} {''.join(characters[reading])}\n" for reading in sorted(characters))
    (DATA / "pinyin.txt").write_text("".join(lines), encoding="utf-8")

    words, longest = {}, 2
    for word in sorted(phrases, key=lambda word: (len(word), word)):
        if not all(character in usual for character in word) or len(word) != len(phrases[word]) or NUMERALS.issuperset(word):
            continue
        known = (numbered(readings[0]) for readings in phrases[word])
        known = [one if one in candidates[c] else usual[c] for c, one in zip(word, known)]
        for written in {word: None, "".join(traditional.get(c, c) for c in word): None}:
            if read(written, usual, words, longest) != known:
                words[written] = known
                longest = max(longest, len(written))
    for word in [word for word in words if len(word) == 2 and word[0] == "一"]:
        for before in BEFORE_LAST_ONE:
            words.setdefault(before + word, [usual[before], usual["一"], *words[word][1:]])
    lines = (
        "".join(c if usual[c] == one else c + one for c, one in zip(word, words[word])) + "\n" for word in sorted(words)
    )
    (DATA / "words.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
