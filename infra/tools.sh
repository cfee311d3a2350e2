# Sourced by the scripts beside it: `tools .venv infra/requirements.txt` makes that environment
# what the file says. Exits with 75 where the package registry can't be reached.
tools() {
  local place=$1 wanted=$2
  cmp -s "$wanted" "$place/installed.txt" && return
  command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null \
    || { apt-get update -qq && apt-get install -y -qq python3 python3-venv; }
  python3 -m venv "$place"
  if ! "$place/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"; then
    # anything else that goes wrong is a failure, not a reason to skip
    "$place/bin/pip" download --quiet --no-deps --dest "$(mktemp -d)" six && exit 1
    echo "the package registry can't be reached, $place is not made"
    exit 75
  fi
  cp "$wanted" "$place/installed.txt"
}
