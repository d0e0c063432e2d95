#!/bin/sh
# Full-size networks with random weights in the given folder (350 MB as ONNX and as much as .h5): ResNet50 and NIMA Inception-ResNet-v2.
#   benches/peer/networks.sh DIR [NAME…]
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$here/scripts/convert" environment)
exec "$python" "$here/benches/peer/make_networks.py" "$@"
