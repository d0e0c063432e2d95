"""Times this program and its peers on the same pictures, one after the other, and prints every ratio beside the bar that is set for it.

NETWORKS is a folder that benches/peer/networks.sh filled, PHOTOGRAPHS one that benches/peer/photographs.sh filled. Takes about half
an hour with the default lengths. The figures go to stdout as a table; --json FILE keeps them all. Run by benches/peer/compare.sh.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESNET, NIMA = "resnet50-keras", "nima-inception-resnet-v2"


def bench(networks: Path, photographs: Path, files: int, given) -> dict:
    """What `chronograde bench` measures with these networks."""
    program = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "chronograde"
    return run(
        [program, "--json", "--models", networks, "bench", "--images", photographs, "--files", files, "--repeat", given.repeat,
         "--bare-seconds", given.seconds, "--sweep-files", 1000]
    )[0]


def peers(given, *names: str) -> list[dict]:
    """What the peers take."""
    images = given.photographs / "500x375"
    return run([sys.executable, HERE / "peers.py", given.networks, images, "--seconds", given.seconds, "--peer", *names])


def run(command: list) -> list[dict]:
    """The JSON objects that a command prints."""
    command = [str(part) for part in command]
    print("running", *command, file=sys.stderr)
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    decoder, objects, rest = json.JSONDecoder(), [], printed.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        objects.append(value)
        rest = rest[end:].strip()
    return objects


def best(lines: list[dict], **wanted) -> float:
    """The most images per second of a peer's lines."""
    return max(line["images_per_second"] for line in lines if all(line.get(key) == value for key, value in wanted.items()))


def bare(report: dict, name: str) -> float:
    """Images per second of one network alone, in the middle round."""
    rates = sorted(model["images_per_second"] for round in report["rounds"] for model in round["models"] if model["name"] == name)
    return rates[len(rates) // 2]


def ratios(measured: dict) -> list[tuple[str, float, str, float]]:
    """Each with what it is, its value, whether it is to be at least (≥) or at most (≤) the bar, and the bar."""
    fp32, int8, large = measured["fp32"], measured["int8"], measured["large"]
    service, quick = fp32["end_to_end_images_per_second"], int8["end_to_end_images_per_second"]
    keras, python, openvino = measured["keras"], measured["python"], measured["openvino"]
    rows = [
        ("500×375: dropped to ranked / networks alone", fp32["ratio"], "≥", 0.95),
        ("500×375: the same without settling", fp32["ratio_settled"], "≥", 0.95),
        ("4000×3000: dropped to ranked / networks alone", large["ratio"], "≥", 0.75),
        ("4000×3000: the same without settling", large["ratio_settled"], "≥", 0.75),
        ("service / Keras, batch 1", service / best(keras, batch=1), "≥", 8.0),
        ("service / Keras, batch 16", service / best(keras, batch=16), "≥", 2.7),
        ("service, int8 / Keras, batch 1", quick / best(keras, batch=1), "≥", 18.0),
        ("service / plain Python pipeline", service / best(python), "≥", 1.3),
        ("service, int8 / service, fp32", quick / service, "≥", 2.0),
    ]
    for precision, report, bar in (("fp32", fp32, 1.1), ("int8", int8, 1.4)):
        for name in (RESNET, NIMA):
            theirs = best(openvino, network=name, precision=precision)
            rows.append((f"{name}, {precision}: time alone / OpenVINO's", theirs / bare(report, name), "≤", bar))
    memory = [round["end_to_end"]["memory"] for round in fp32["rounds"]]
    rows.append(("memory at most, fp32, MiB (900 MB)", max(look["most_mib"] for look in memory), "≤", 900e6 / 2**20))
    rows.append(("memory, growth in MiB per 1,000 images", min(look["growth_mib_per_1000"] for look in memory), "≤", 1.0))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--files", type=int, default=1500, help="files dropped in each round with fp32 networks of 500×375 pictures (default: 1500)")
    parser.add_argument("--seconds", type=int, default=20, help="for each peer and each network alone (default: 20)")
    parser.add_argument("--repeat", type=int, default=1, help="rounds of the service (default: 1)")
    parser.add_argument("--json", type=Path, help="where all figures are written")
    given = parser.parse_args()
    small, large = given.photographs / "500x375", given.photographs / "4000x3000"
    measured = {"fp32": bench(given.networks, small, given.files, given)}
    for peer in ("keras", "python", "openvino"):
        measured[peer] = peers(given, peer)
    measured["int8"] = bench(given.networks / "int8", small, 3 * given.files, given)
    measured["large"] = bench(given.networks, large, given.files // 2, given)
    if given.json:
        given.json.write_text(json.dumps(measured, indent=1) + "\n")
    print(f"load average before: {measured['fp32']['machine']['load_average_before']:.1f}")
    for what, value, side, bar in ratios(measured):
        held = value >= bar if side == "≥" else value <= bar
        print(f"{what:<56}{value:>9.2f}  {side} {bar:<8.4g}{'' if held else 'MISSED'}")


if __name__ == "__main__":
    main()
