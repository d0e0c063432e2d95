"""Makes photographs of the sizes that the bars are set for, out of any folder of pictures: OUT/500x375 and OUT/4000x3000.

A picture that is enlarged has no detail of its own, and decoding it would be too easy: grain stands in for it, so much that twelve
megapixels take about 3 MB, as a camera's file of that quality does. Run by benches/peer/photographs.sh.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# Per size: how many, and the standard deviation of the grain in steps of 8 bits.
SIZES = {(500, 375): (200, 6.0), (4000, 3000): (40, 7.0)}
QUALITY = 90


def photograph(source: Path, size: tuple[int, int], grain: float, random: np.random.Generator) -> Image.Image:
    with Image.open(source) as image:
        enlarged = ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS)
    # Grain is of brightness, as a sensor's mostly is after the camera's own filter.
    noise = random.normal(0, grain, (size[1], size[0], 1)).astype(np.float32)
    return Image.fromarray(np.clip(np.asarray(enlarged, np.float32) + noise, 0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder of pictures")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    sources = sorted(path for path in given.pictures.iterdir() if path.suffix.lower() in SUFFIXES)
    if not sources:
        parser.error(f"{given.pictures} has no pictures")
    for size, (count, grain) in SIZES.items():
        folder = given.out / f"{size[0]}x{size[1]}"
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            # Every picture of the folder gets its turn, from all over it.
            source = sources[index * len(sources) // count % len(sources)]
            made = photograph(source, size, grain, np.random.default_rng(index))
            made.save(folder / f"{index:03}.jpg", quality=QUALITY, subsampling="4:2:0")
        bytes_each = sum(file.stat().st_size for file in folder.glob("*.jpg")) / count
        print(f"{folder}: {count} photographs, {bytes_each / 1000:.0f} kB each")


if __name__ == "__main__":
    main()
