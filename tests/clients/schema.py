"""Requests made of the service's own description: `schema.py ADDRESS TOKEN`. Whatever fits it is answered as it says, whatever does not is refused
as it says, and nothing ends in a server's error."""

import subprocess
import sys
import tempfile

address, token = sys.argv[1:]

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "negative_data_rejection", "unsupported_method"]

# A deadline of a millisecond passes, and is answered so.
SETTINGS = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", "504"]\n'
settings = tempfile.NamedTemporaryFile("w", suffix=".toml")
settings.write(SETTINGS)
settings.flush()

run = subprocess.run(
    [
        sys.executable, "-m", "schemathesis.cli", "--config-file", settings.name, "run", f"http://{address}/openapi.json",
        "--header", f"user-token: {token}",
        "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", "30",
        "--generation-deterministic",
        # How fast data is made says how busy the machine is, and nothing of the service.
        "--suppress-health-check", "too_slow",
        # What is loaded and unloaded by hand is another test's.
        "--exclude-path-regex", "/load$",
        # With more, Python 3.11 may fail: its parser, which names what is generated, counts its depth for all threads together.
        "--workers", "1",
        # Seconds; what takes longer than the service allows is its own fault.
        "--request-timeout", "60",
    ],
    capture_output=True, text=True, check=False,
)
if run.returncode:
    sys.exit(run.stdout + run.stderr)
