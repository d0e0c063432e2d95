#!/bin/sh
# The mathematics against scikit-learn, SciPy, sureal and krippendorff, on this machine, in one run: runs the benches, then
# the same work in Python, and prints both with their ratio. Makes a virtual environment in target/ (about 400 MB).
set -eu
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
venv="$target/reference-venv"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check \
    scikit-learn==1.9.1 scipy==1.17.1 sureal==0.9.0 krippendorff==0.9.0
SQLX_OFFLINE=true cargo bench --quiet --bench calibration --bench comparison -- --noplot >&2
"$venv/bin/python" benches/reference.py "$target/criterion"
