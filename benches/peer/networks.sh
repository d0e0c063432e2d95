#!/bin/sh
# Full-size networks with random weights in the given folder (320 MB as ONNX, as much as .h5, 80 MB as int8): ResNet50 and NIMA Inception-ResNet-v2.
#   benches/peer/networks.sh DIR [NAME…]
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$here/scripts/convert" environment)
exec "$python" "$here/benches/peer/make_networks.py" "$@"
