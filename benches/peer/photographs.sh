#!/bin/sh
# Photographs of 500×375 and 4000×3000 pixels, made of any pictures, for the benches.
#   benches/peer/photographs.sh PICTURES OUT
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$here/scripts/convert" environment)
exec "$python" "$here/benches/peer/photographs.py" "$@"
