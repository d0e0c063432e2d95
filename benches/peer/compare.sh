#!/bin/sh
# The program against its peers: every ratio with its bar. Half an hour; nothing else should run meanwhile.
#   cargo build --release
#   benches/peer/networks.sh target/networks
#   benches/peer/photographs.sh PICTURES target/photographs
#   benches/peer/compare.sh target/networks target/photographs
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$here/scripts/convert" environment)
"$python" -m pip install --quiet --disable-pip-version-check openvino==2026.4.1 >&2
exec "$python" "$here/benches/peer/compare.py" "$@"
