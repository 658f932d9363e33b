"""Kubernetes' own schemas against manifests from standard input: `manifests.py`. Prints the kinds that it saw; ends with an error if one does not fit."""

import sys

import kubernetes_validate
import yaml

# Of the Prometheus operator, not of Kubernetes.
NOT_IN_KUBERNETES = {"ServiceMonitor"}

for manifest in yaml.safe_load_all(sys.stdin):
    if manifest is None:
        continue
    if manifest["kind"] not in NOT_IN_KUBERNETES:
        kubernetes_validate.validate(manifest, "1.32", strict=True)
    print(manifest["kind"])
