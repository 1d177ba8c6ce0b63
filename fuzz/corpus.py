"""Writes the seeds of the fuzz targets into corpus/: python corpus.py GANVAS, the binary. Needs NumPy and Pillow.

The seed of `checkpoint` is written by `cargo test -p ganvas-engine --test fuzzed -- --ignored`.
"""

import gzip
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy
from PIL import Image

CORPUS = pathlib.Path(__file__).parent / "corpus"


def keep(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def npy(array):
    file = io.BytesIO()
    numpy.save(file, array)
    return file.getvalue()


def picture(name, image, **options):
    file = io.BytesIO()
    image.save(file, "PNG" if name.endswith("png") else "JPEG", **options)
    keep("image", name, file.getvalue())


images = numpy.arange(2 * 3 * 4, dtype=numpy.uint8).reshape(2, 3, 4)
keep("idx", "images", idx(images))
keep("idx", "labels", idx(images[:, 0, 0]))
keep("idx", "packed", gzip.compress(idx(images), mtime=0))
keep("idx", "zeros", gzip.compress(idx(numpy.zeros((40, 40), numpy.uint8)), mtime=0))

for kind in ["<f8", ">f4", "<i8", "<i4", ">i2", "|i1", "<u8", "<u4", "<u2", "|u1"]:
    name = kind[1:] + ("-big" if kind[0] == ">" else "")
    keep("npy", name, npy(numpy.arange(6, dtype=kind).reshape(2, 3)))
keep("npy", "number", npy(numpy.float64(2.5)))
keep("npy", "special", npy(numpy.array([numpy.nan, -numpy.inf, 5e-324])))
keep("npy", "fortran", npy(numpy.asfortranarray(numpy.ones((2, 3)))))
keep("npy", "empty", npy(numpy.ones((0, 3), numpy.float32)))

colours = Image.fromarray(numpy.arange(105, dtype=numpy.uint8).reshape(5, 7, 3))
for mode in ["1", "L", "LA", "P", "RGB", "RGBA"]:
    picture(f"{mode.lower()}.png", colours.convert(mode))
picture("i16.png", Image.fromarray(numpy.arange(35, dtype=numpy.uint16).reshape(5, 7) * 1000))
picture("rgb.jpg", colours, quality=70)
picture("grey.jpg", colours.convert("L"))
picture("progressive.jpg", colours, progressive=True)
turned = Image.Exif()
turned[0x0112] = 6
picture("turned.jpg", colours, exif=turned)

keep("table", "emoji", "index,emoji,name,category,subcategory,skin_tone,gender,split\n"
     '0,a,grin,Faces,smiling,none,none,train\n1,b,"leek, raw",Food & Drink,vegetable,none,woman,test\n'
     "2,c,man,Faces,person,default,man,train\n")
keep("table", "series", "id,time,label,x,y\na,0,up,1,2.5\na,1,up,3,-4e5\nb,0,down,5,6\nb,2,down,7,8\n")
keep("table", "numbers", "a,b\n1,2.5\n -3 ,4e5\n")
keep("table", "column", "x\r\n1\r\nnan\r\n-inf\r\n1e-320\r\n")
keep("table", "quoted", '"1","2"\n"3","4"\n')

for system, data in [("gan", "ring8"), ("vae", "ring8"), ("dcgan", "digits")]:
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        subprocess.run([sys.argv[1], "train", system, "--data", data, "--steps", "2", "--batch", "8", "--out", run],
                       check=True, capture_output=True)
        keep("config", system, (run / "config.toml").read_text())
        if system == "gan":
            keep("events", "run", (run / "events.jsonl").read_text())
keep("config", "overrides", 'steps = 5\nbatch = 32\nlr = 1\n[model]\nlatent = 3\n[model.generator]\nhidden = [4]\n')
figures = {"loss/generator": 0.1, "grad_norm/generator": 1e-9}
keep("events", "kinds", "".join(json.dumps(event) + "\n" for event in [
    {"event": "start", "parameters": 5},
    {"event": "tick", "step": 1, "seconds": 0.1, "items_per_second": 1e3, "figures": figures},
    {"event": "samples", "step": 1, "file": "samples/step-000000001.png"},
    {"event": "checkpoint", "step": 1, "file": "checkpoints/step-000000001.ganvas", "seconds": 0.5},
    {"event": "eval", "step": 1, "seconds": 0.3, "by": "ffd", "figures": {"ffd": 3.25}, "best": True},
    {"event": "skip", "step": 2, "text": "loss of the generator is NaN", "phase": "generator"},
    {"event": "warning", "step": 2, "text": "mode collapse"},
    {"event": "stop", "step": 2, "seconds": 1.5},
    {"event": "resume", "step": 2},
    {"event": "failure", "step": 3, "what": "loss", "network": "vae", "phase": "elbo", "value": "NaN"},
    {"event": "end", "step": 4, "seconds": 2.5},
]) + '{"event":"resu')
