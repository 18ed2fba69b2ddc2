"""A run, and changes of it by somebody who knows how it is sealed."""

import json

import numpy as np
import pytest

import pathflow as pf
from pathflow.storage import digest_of

SPACE = pf.Graph([pf.Node("x"), pf.Node("a"), pf.Node("y")], [("x", "a"), ("a", "y"), ("x", "y")])
RAN = []


def ran():
    RAN.append("ran")


class Evil:
    """What a pickle could do."""

    def __reduce__(self):
        return ran, ()


def result():
    audit = pf.Audit(structural=0.0, reference_total=1.0)
    return pf.Attribution(SPACE.paths("x", "y"), np.array([0.25, 0.75]), audit, {"seed": 3})


def rewrite(folder, change):
    """Changes the manifest as somebody would who knows how it is sealed."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest = change(manifest) or manifest
    manifest.pop("digest", None)
    manifest["digest"] = digest_of(manifest)
    path.write_text(json.dumps(manifest))


def refuse(folder, message, kind=pf.StorageError):
    with pytest.raises(kind, match=message):
        pf.load(folder)
    with pytest.raises(kind, match=message):
        pf.load(folder, partial=True)
    assert not RAN
