"""Writes bad_inputs.json: inputs that every package must refuse, each with the kind of its error."""

import base64
import json
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).parent


def png(width, height):
    """A PNG whose header has this size, with almost no pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 64)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def image(name, data, error):
    return {"name": name, "base64": base64.b64encode(data).decode(), "error": error}


def frame(name, error="input", width=4, height=4, format="rgb", planes=((48, 12, 3),), rotation=0):
    planes = [{"length": length, "row_stride": row, "pixel_stride": pixel} for length, row, pixel in planes]
    return {"name": name, "width": width, "height": height, "format": format, "planes": planes, "rotation": rotation,
            "error": error}


YUV = ((16, 4, 1), (4, 2, 1), (4, 2, 1))

BAD = {
    # Files: `base64` bytes, or the first part (`keep`) of a sample.
    "images": [
        image("nothing", b"", "image"),
        image("a text file", b"this is no image\n", "image"),
        {"name": "a PNG cut in half", "sample": "site-a/images/00000.png", "keep": 0.5, "error": "image"},
        image("a JPEG that ends after its header", bytes.fromhex("ffd8ffe000104a46494600010100000100010000"), "image"),
        image("a PNG of 20 000 by 20 000 pixels", png(20_000, 20_000), "image-too-large"),
        image("a PNG without pixels", png(0, 0), "image"),
    ],
    # Planes have `length` bytes, all zero.
    "frames": [
        frame("no pixels", width=0),
        frame("no planes", planes=()),
        frame("a plane too short", planes=((47, 12, 3),)),
        frame("rows that overlap", planes=((48, 11, 3),)),
        frame("pixels that overlap", planes=((48, 12, 2),)),
        frame("strides beyond memory", planes=((48, 4294967295, 4294967295),)),
        frame("a turn of 45 degrees", rotation=45),
        frame("YUV with one plane", format="yuv420", planes=YUV[:1]),
        frame("YUV with short colours", format="yuv420", planes=(YUV[0], (3, 2, 1), YUV[2])),
        frame("200 megapixels", "image-too-large", 20_000, 10_000),
    ],
    # `keep`: the first part of the demo model's file; `flip`: that file with the bit 0x10 flipped at this part of its
    # length; `find`: that file with `find` replaced by `replace`; `base64`: other bytes; `path`: a path.
    "models": [
        {"name": "nothing", "base64": "", "error": "model"},
        {"name": "an image", "base64": base64.b64encode(png(8, 8)).decode(), "error": "model"},
        {"name": "a model cut in half", "keep": 0.5, "error": "model"},
        {"name": "a flipped bit among the tensors", "flip": 0.9, "error": "model"},
        {"name": "a file that is not there", "path": "/no/such/model.safetensors", "error": "model"},
        {
            "name": "a model of version 9",
            "find": '{\\"version\\":3,',
            "replace": '{\\"version\\":9,',
            "error": "model-version",
        },
    ],
    "options": [{"name": "no threads", "threads": 0, "error": "input"}],
}

(HERE / "bad_inputs.json").write_text(json.dumps(BAD, indent=1) + "\n")
