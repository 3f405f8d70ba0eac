"""Feed the IDX reader damaged files: it must answer each with an array or with IDXError.

python benchmarks/idx_mutations.py [--count 100000] [--seed 0]

Half of the files are compressed, and half of the damage hits the header, whose numbers are also set
to extremes. One in 500 is a small gzip file that holds as much as MNIST's training images. Exit
status 1 when anything but IDXError comes out, when one read takes more than a second of processor
time, or when the process takes more than 200 MB.
"""

import argparse
import gzip
import io
import random
import struct
import sys
import time
import traceback
import zlib
from collections import Counter

from lenetcourse.data.idx import IDXError, read_idx

SIZES = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}
EXTREMES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 24, 1 << 28, 0x7FFFFFFF, 0xFFFFFFFF]
BOMB_MEGABYTES = 48
MAX_SECONDS = 1.0
MAX_MEGABYTES = 200


def whole_file(rng: random.Random) -> bytearray:
    """Return a good IDX file: any type, up to five dimensions, up to about 4,000 bytes."""
    code = rng.choice(list(SIZES))
    shape = [rng.randrange(0, 6) for _ in range(rng.randrange(0, 6))]
    count = SIZES[code]
    for length in shape:
        count *= length
    head = struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)
    return bytearray(head + rng.randbytes(min(count, 4000)))


def attack_header(data: bytearray, rng: random.Random) -> None:
    """Change the type, the rank or one dimension, often to a number that promises too much."""
    what = rng.randrange(4)
    if what == 0 and len(data) > 2:
        data[2] = rng.choice([*SIZES, rng.randrange(256)])
    elif what == 1 and len(data) > 3:
        data[3] = rng.choice([0, 1, 5, 32, 33, 64, 65, 255, rng.randrange(256)])
    elif len(data) >= 8:
        place = 4 * rng.randrange(1, len(data) // 4) if len(data) < 28 else 4 * rng.randrange(1, 6)
        data[place : place + 4] = struct.pack(">I", rng.choice(EXTREMES))


def damage(data: bytearray, rng: random.Random) -> None:
    """Change, insert, remove or repeat bytes; half of the time near the start."""
    end = min(len(data), 24) if rng.random() < 0.5 else len(data)
    place, length = rng.randrange(end + 1), rng.randrange(1, 9)
    what = rng.randrange(5)
    if what == 0 and place < len(data):
        data[place] ^= 1 << rng.randrange(8)
    elif what == 1:
        data[place : place + length] = rng.randbytes(length)
    elif what == 2:
        data[place:place] = rng.choice([rng.randbytes(length), bytes(length), data[:length]])
    elif what == 3:
        del data[place : place + length]
    elif what == 4:
        del data[place:]


def bomb(start: bytes) -> bytes:
    """Return gzip of `start` and 48 MB of zeros, without its checksum."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = squeeze.compress(start) + squeeze.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back, so that one compressed block can be repeated.
    block = squeeze.compress(bytes(1 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return head + block * BOMB_MEGABYTES


def mutant(rng: random.Random) -> bytes:
    """Return a file that was damaged before, after, or before and after it was compressed."""
    data = whole_file(rng)
    if rng.random() < 1 / 500:
        attack_header(data, rng)
        return bomb(bytes(data))
    compressed = rng.random() < 0.5
    if not compressed or rng.random() < 0.6:
        for _ in range(rng.randrange(0, 3)):
            rng.choice([attack_header, damage])(data, rng)
    if compressed:
        data = bytearray(gzip.compress(data, 1, mtime=0))
        for _ in range(rng.randrange(0, 3)):
            damage(data, rng)
    return bytes(data)


class OnlyRead:
    """A stream of unknown length."""

    def __init__(self, content: bytes):
        self.read = io.BytesIO(content).read


def peak_megabytes() -> float:
    """Return the most memory that this process has had so far."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6  # macOS counts bytes, Linux KiB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="files to read (100,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage (0)")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    outcomes, slowest, start_megabytes = Counter(), 0.0, peak_megabytes()
    for number in range(options.count):
        content = mutant(rng)
        source = rng.choice([io.BytesIO, OnlyRead])(content)
        start = time.process_time()
        try:
            read_idx(source)
            outcome = "read well"
        except IDXError:
            outcome = "IDXError"
        except Exception as error:
            outcome = f"other: {type(error).__name__}"
            if outcome not in outcomes:
                print(f"file {number}: {content[:64].hex(' ')} ...", file=sys.stderr)
                traceback.print_exc()
        slowest = max(slowest, time.process_time() - start)
        outcomes[outcome] += 1

    peak = peak_megabytes()
    others = options.count - outcomes["read well"] - outcomes["IDXError"]
    print(f"files           {options.count:>10,}   seed {options.seed}")
    for outcome in ("read well", "IDXError"):
        print(f"{outcome:15s} {outcomes[outcome]:>10,}")
    print(f"{'other errors':15s} {others:>10,}")
    print(f"slowest read    {slowest:>10.4f} s of processor time")
    print(
        f"peak memory     {peak:>10.1f} MB, {peak - start_megabytes:.1f} MB more than at the start"
    )
    return int(others > 0 or slowest > MAX_SECONDS or peak > MAX_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
