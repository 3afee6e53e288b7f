"""Shared by the tests: the repository's model, samples, reference answers and bad inputs."""

import json
from pathlib import Path

import numpy as np
import pytest

import mcdrl

ROOT = Path(__file__).resolve().parents[3]
ASSETS = ROOT / "crates/mcdrl/assets"
MODEL = ASSETS / "demo.safetensors"
SAMPLE = ASSETS / "samples/site-b/images/00000.png"
ANSWERS = json.loads((ROOT / "tests/conformance/answers.json").read_text())
BAD_INPUTS = json.loads((ROOT / "tests/conformance/bad_inputs.json").read_text())


def classes_of(mask):
    """The classes of a stored mask. It is stored as the class and length of every run, row-major."""
    runs = np.array(mask["runs"].split(), int)
    return np.repeat(runs[::2], runs[1::2]).astype(np.uint8).reshape(mask["height"], mask["width"])


@pytest.fixture(scope="module")
def segmenter():
    with mcdrl.ImageSegmenter.create_from_options(model=MODEL, device="cpu") as segmenter:
        yield segmenter
