"""Feed the reader of CIFAR-10's pickles damaged and hostile files: it must run no code.

python benchmarks/cifar_mutations.py [--count 10000] [--seed 0]

Each file is a batch as Python 2 pickled it, with one to four changes: bits and bytes anywhere or at
an instruction, pieces cut, moved or repeated, numbers set to extremes, and instructions put in that
call a function. One in ten is a pickle of Python's own with a call in it. Each must be answered by
a batch or by DatasetError. Python itself reports what the reader does (audit events): looking up a
function for a pickle, importing, compiling, opening a file and starting a program all count as code
run. That this is seen is tried on `pickle.loads` first.

Exit status 1 when code was run, when anything but DatasetError comes out, when one read takes more
than a second of processor time, or when the process takes 200 MB more than at the start.
"""

import argparse
import codecs
import pickle
import pickletools
import random
import struct
import sys
import time
import traceback
from collections import Counter

import numpy as np

from lenetcourse.data.pickled import PIXELS, read_batch
from lenetcourse.errors import DatasetError

IMAGES = 20
EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
CALLS = [
    b"cos\nsystem\nU\x04true\x85R",
    b"cbuiltins\neval\nU\x031+1\x85R",
    b"(U\x04trueios\nsystem\n",
    b"(cos\nsystem\nU\x04trueo",
    b"cos\nsystem\n)\x81",
    b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R",
    b"cnumpy\nload\nU\x01x\x85R",
    b"\x82\x01",  # EXT1: a function of the copyreg registry
]
WATCHED = (
    "pickle.",
    "import",
    "compile",
    "exec",
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
)
MAX_SECONDS = 1.0
MAX_MEGABYTES = 200


class Watch:
    """Counts the audit events that tell of code being run, while it is on."""

    def __init__(self):
        self.is_on, self.events = False, Counter()
        sys.addaudithook(self.see)

    def see(self, event: str, arguments: tuple) -> None:
        if self.is_on and event.startswith(WATCHED):
            self.events[event] += 1

    def sees_pickle(self) -> bool:
        """Return whether a pickle that calls a function is noticed when Python loads it."""
        self.is_on = True
        pickle.loads(pickle.dumps(Trap()))
        self.is_on = False
        seen, self.events = self.events.total() > 0, Counter()
        return seen


class Trap:
    """Its pickle calls a function when it is loaded."""

    def __reduce__(self):
        return time.sleep, (0,)


def whole_batch(rng: random.Random) -> bytes:
    """Return a batch with the instructions of the published ones."""
    labels = b"".join(b"K" + bytes([rng.randrange(10)]) for _ in range(IMAGES))
    names = b"".join(b"U\x05a.png" + b"q" + bytes([20 + i]) for i in range(IMAGES))
    size = IMAGES * PIXELS
    array = b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85U\x01b\x87R",
            b"q\x08(K\x01K" + bytes([IMAGES]) + b"M" + struct.pack("<H", PIXELS) + b"\x86",
            b"cnumpy\ndtype\nq\x09U\x02u1K\x00K\x01\x87Rq\x0a(K\x03U\x01|NNN",
            b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", size),
            rng.randbytes(size) + b"tb",
        ]
    )
    return b"".join(
        [
            b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03",
            b"U\x06labelsq\x04]q\x05(" + labels + b"eU\x04data" + array,
            b"U\x09filenamesq\x0b]q\x0c(" + names + b"eu.",
        ]
    )


def damage(data: bytearray, starts: list[int], rng: random.Random) -> None:
    """Change, insert, remove or repeat bytes, or put a call in; mostly at an instruction."""
    place = rng.choice(starts) if rng.random() < 0.8 else rng.randrange(len(data) + 1)
    length, what = rng.randrange(1, 9), rng.randrange(9)
    if what == 0 and place < len(data):
        data[place] ^= 1 << rng.randrange(8)
    elif what == 1:
        data[place : place + length] = rng.randbytes(length)
    elif what == 2:
        data[place:place] = rng.choice([rng.randbytes(length), data[:length]])
    elif what == 3:
        del data[place : place + length]
    elif what == 4 and rng.random() < 0.3:
        del data[place:]
    elif what == 5:  # one instruction for another
        data[place : place + 1] = rng.choice(pickletools.opcodes).code.encode("latin-1")
    elif what == 6:
        data[place + 1 : place + 5] = struct.pack("<I", rng.choice(EXTREMES))
    elif what == 7:  # a piece from elsewhere
        start = rng.choice(starts)
        data[place:place] = data[start : start + rng.randrange(1, 200)]
    elif what == 8:
        data[place:place] = rng.choice(CALLS)


def mutant(rng: random.Random) -> bytes:
    """Return a damaged batch, or a pickle of Python's own with a call somewhere in it."""
    if rng.random() < 0.1:
        pixels = np.frombuffer(rng.randbytes(2 * PIXELS), np.uint8).reshape(2, PIXELS)
        batch = {"data": pixels, "labels": [3, 4], "filenames": ["a", "b"]}
        key = rng.choice([*batch, "batch_label"])
        batch[key] = rng.choice([Trap(), [Trap()], (1, Trap())])
        data = bytearray(pickle.dumps(batch, rng.randrange(pickle.HIGHEST_PROTOCOL + 1)))
        changes = rng.randrange(2)
    else:
        data, changes = bytearray(whole_batch(rng)), rng.randrange(1, 5)
    starts = [place for _, _, place in pickletools.genops(bytes(data))]
    for _ in range(changes):
        damage(data, starts, rng)
    return bytes(data)


def peak_megabytes() -> float:
    """Return the most memory that this process has had so far."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6  # macOS counts bytes, Linux KiB


def outcome_of(content: bytes, watch: Watch) -> str:
    """Read a file behind the watch and say what came out."""
    watch.is_on = True
    try:
        read_batch(content)
        return "read well"
    except DatasetError:
        return "DatasetError"
    except Exception as error:
        watch.is_on = False
        traceback.print_exc()
        return f"other: {type(error).__name__}"
    finally:
        watch.is_on = False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="files to read (10,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage (0)")
    options = parser.parse_args()
    rng, watch = random.Random(options.seed), Watch()
    if not watch.sees_pickle():
        sys.exit("cifar_mutations.py: this Python does not report what pickle.loads calls")
    codecs.lookup("raw-unicode-escape")  # which pickletools needs for UNICODE, and then imports
    outcomes, slowest, start_megabytes = Counter(), 0.0, peak_megabytes()
    for _ in range(options.count):
        content = mutant(rng)
        start = time.process_time()
        outcomes[outcome_of(content, watch)] += 1
        slowest = max(slowest, time.process_time() - start)

    megabytes = peak_megabytes() - start_megabytes
    others = options.count - outcomes["read well"] - outcomes["DatasetError"]
    print(f"files           {options.count:>10,}   seed {options.seed}")
    for outcome in ("read well", "DatasetError"):
        print(f"{outcome:15s} {outcomes[outcome]:>10,}")
    print(f"{'other errors':15s} {others:>10,}")
    print(f"code run        {watch.events.total():>10,}   {dict(watch.events) or ''}")
    print(f"slowest read    {slowest:>10.4f} s of processor time")
    print(f"peak memory     {megabytes:>10.1f} MB more than at the start")
    is_bad = others > 0 or watch.events.total() > 0
    return int(is_bad or slowest > MAX_SECONDS or megabytes > MAX_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
