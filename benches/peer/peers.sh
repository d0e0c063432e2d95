#!/bin/sh
# Other ways to score the same pictures, timed on this machine; one JSON object a line.
#   benches/peer/peers.sh NETWORKS IMAGES [--peer keras|python|ort|openvino …] [--seconds N]
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$here/scripts/convert" environment)
"$python" -m pip install --quiet --disable-pip-version-check openvino==2026.4.1 >&2
exec "$python" "$here/benches/peer/peers.py" "$@"
