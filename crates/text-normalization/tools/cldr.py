#!/usr/bin/env python3
"""Writes data/cldr/LANGUAGE.json: what the normaliser uses of CLDR. Needs the packages of package.json (npm install, in this folder).

  spellout    rules that spell numbers (rule-based number formats): name -> [base value, radix, text]
  months      names in the forms "wide" (in a date), "alone" and "short", January first
  days        names in the forms "wide" and "short", Sunday first
  units       names by plural category, in the nominative; with a case: "genitive-few"; gender; "per": the pattern of a rate
  currencies  names by plural category, and the symbol that is the currency's own in this language

A unit's name that stands behind the number is written without its placeholder."""
import json
import pathlib

here = pathlib.Path(__file__).resolve().parent
packages = here / "node_modules"
target = here.parent / "data" / "cldr"

LANGUAGES = """ar bg ca cs cy da de el en es eu fa fi fr he hi hu id is it ja ka kk ko lb lt lv ml ms nb ne nl pl pt ro ru sk sl sq sr sv
sw ta te th tr uk ur vi zh""".split()

UNITS = """acceleration-g-force angle-degree area-acre area-hectare area-square-centimeter area-square-foot area-square-inch
area-square-kilometer area-square-meter area-square-mile concentr-karat consumption-liter-per-100-kilometer
consumption-mile-per-gallon digital-bit digital-byte digital-gigabit digital-gigabyte digital-kilobit digital-kilobyte digital-megabit
digital-megabyte digital-petabyte digital-terabit digital-terabyte duration-century duration-day duration-hour duration-microsecond
duration-millisecond duration-minute duration-month duration-nanosecond duration-second duration-week duration-year electric-ampere
electric-milliampere electric-ohm electric-volt energy-calorie energy-foodcalorie energy-joule energy-kilocalorie energy-kilojoule
energy-kilowatt-hour energy-electronvolt force-newton frequency-gigahertz frequency-hertz frequency-kilohertz frequency-megahertz
graphics-megapixel graphics-pixel length-centimeter length-decimeter length-foot length-inch length-kilometer length-light-year
length-meter length-micrometer length-mile length-millimeter length-nanometer length-nautical-mile length-yard light-lumen light-lux
mass-gram mass-kilogram mass-microgram mass-milligram mass-ounce mass-pound mass-stone mass-ton mass-tonne power-gigawatt
power-horsepower power-kilowatt power-megawatt power-milliwatt power-watt pressure-atmosphere pressure-bar pressure-hectopascal
pressure-kilopascal pressure-megapascal pressure-millibar pressure-pascal pressure-pound-force-per-square-inch
speed-kilometer-per-hour speed-knot speed-meter-per-second speed-mile-per-hour temperature-celsius temperature-fahrenheit
temperature-kelvin torque-newton-meter volume-centiliter volume-cubic-centimeter volume-cubic-foot volume-cubic-kilometer
volume-cubic-meter volume-cup volume-deciliter volume-fluid-ounce volume-gallon volume-liter volume-milliliter volume-pint volume-quart
volume-tablespoon volume-teaspoon""".split()

CURRENCIES = """AED ARS AUD AWG BDT BGN BHD BOB BRL CAD CHF CLP CNY COP CRC CUP CZK DEM DKK DOP DZD EGP ESP EUR FRF GBP GEL GHS GTQ
HKD HNL HUF IDR ILS INR IQD IRR ISK ITL JOD JPY KES KRW KWD KZT LBP LKR MAD MXN MYR NGN NIO NOK NPR NZD OMR PAB PEN PHP PKR PLN PYG QAR
RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD UYU VES VND XOF ZAR""".split()

# What is wrong in the rules of CLDR 48.2: spellings, and rules that are replaced.
SPELLINGS = {
    "es": [("octingésim", "octingentésim")],
    "ru": [("четверт", "четвёрт"), ("трех", "трёх"), ("четырех", "четырёх")],
}

CASES = ["accusative", "genitive"]


def load(package, *path):
    return json.loads((packages / package).joinpath(*path).read_text(encoding="utf-8"))


def spellout(language):
    file = packages / "cldr-rbnf" / "rbnf" / f"{'no' if language == 'nb' else language}.json"
    if not file.exists():
        return {}
    rules = {}
    for name, lines in json.loads(file.read_text(encoding="utf-8"))["rbnf"]["rbnf"].get("SpelloutRules", {}).items():
        if not name.startswith("%"):
            continue
        kept = []
        for base, text in lines:
            number, _, radix = base.partition("/")
            if number.isdigit() or number in ("-x", "x.x"):
                kept.append([number, int(radix or 10), text.removesuffix(";")])
        rules[name[1:]] = kept
    return corrected(language, rules)


def corrected(language, rules):
    for wrong, right in SPELLINGS.get(language, []):
        rules = {name: [[base, radix, text.replace(wrong, right)] for base, radix, text in kept] for name, kept in rules.items()}
    if language == "ru":
        hundreds = list(zip(range(200, 1000, 100), "двух трёх четырёх пяти шести семи восьми девяти".split()))
        for name in [name for name in rules if name.startswith("spellout-ordinal")]:
            rules[name] = ordinal_hundreds(rules[name], hundreds)
        for rule in rules["spellout-ordinal-masculine-prepositional"]:
            rule[2] = rule[2].replace("сороковой", "сороковом")
    if language == "zh":
        # A zero is said for each place that is skipped, up to the place before the next unit.
        for name, largest in (("5", "10000000"), ("8", "100000000000")):
            for rule in rules[f"%cardinal{name}"]:
                rule[0] = largest if rule[0] in ("10000", "10000000") else rule[0]
    return rules


def ordinal_hundreds(rules, hundreds):
    """Exact hundreds, which have the cardinal in CLDR, by the ordinal of one hundred."""
    texts = dict((base, text) for base, _, text in rules)
    if "100" not in texts:
        return rules
    kept = [rule for rule in rules if not (rule[0].isdigit() and 200 <= int(rule[0]) < 1000)]
    at = next((index for index, rule in enumerate(kept) if rule[0].isdigit() and int(rule[0]) >= 1000), len(kept))
    cardinal = lambda base: next(text for rule, text in reversed(list(texts.items())) if rule.isdigit() and int(rule) <= base)
    said = lambda base, prefix: f"[{cardinal(base).replace('[', '').replace(']', '')}|{prefix}{texts['100']}]"
    return kept[:at] + [[str(base), 10, said(base, prefix)] for base, prefix in hundreds] + kept[at:]


def names(calendar, kind, keys):
    forms = {}
    for form, context, width in (("wide", "format", "wide"), ("alone", "stand-alone", "wide"), ("short", "format", "abbreviated")):
        forms[form] = [calendar[kind][context][width][key] for key in keys]
    return forms


def without_number(pattern):
    return pattern.replace("\u00a0", " ").replace("\u202f", " ").removeprefix("{0} ")


def units(language):
    units = load("cldr-units-full", "main", language, "units.json")["main"][language]["units"]["long"]
    found = {}
    for unit in UNITS:
        entry = units.get(unit)
        if entry is None:
            continue
        kept = {}
        for key, value in entry.items():
            first, _, category = key.partition("-count-")
            if first == "unitPattern":
                kept[category] = without_number(value)
            elif first in CASES and category:
                kept[f"{first}-{category}"] = without_number(value)
        for key, value in [(key, value) for key, value in kept.items() if "-" in key]:
            if kept.get(key.split("-")[1]) == value:
                del kept[key]
        if "gender" in entry:
            kept["gender"] = entry["gender"]
        if "perUnitPattern" in entry:
            kept["per"] = without_number(entry["perUnitPattern"])
        found[unit.split("-", 1)[1]] = kept
    return found


def currencies(language):
    entries = load("cldr-numbers-full", "main", language, "currencies.json")["main"][language]["numbers"]["currencies"]
    found = {}
    for code in CURRENCIES:
        entry = entries.get(code, {})
        kept = {key.removeprefix("displayName-count-"): value for key, value in entry.items() if key.startswith("displayName-count-")}
        if kept:
            found[code] = kept
    return found


def lines(data):
    """JSON with a line for each name, so that an update shows what it changes."""
    dump = lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True)
    section = lambda entries: "{\n" + ",\n".join(f"  {dump(key)}: {dump(value)}" for key, value in sorted(entries.items())) + "\n }"
    return "{\n" + ",\n".join(f" {dump(key)}: {section(value)}" for key, value in data.items()) + "\n}\n"


def main():
    target.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        calendar = load("cldr-dates-full", "main", "nb" if language == "no" else language, "ca-gregorian.json")
        calendar = calendar["main"][language]["dates"]["calendars"]["gregorian"]
        data = {
            "spellout": spellout(language),
            "months": names(calendar, "months", [str(month) for month in range(1, 13)]),
            "days": names(calendar, "days", ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
            "units": units(language),
            "currencies": currencies(language),
        }
        (target / f"{language}.json").write_text(lines(data), encoding="utf-8")


main()
