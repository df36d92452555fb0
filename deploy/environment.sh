# What the scripts share: they source this. It finds Python, installs what Debian or Ubuntu lacks, and makes virtual
# environments that remember what they were made from. The caller has `set -euo pipefail` and stands in the checkout.

say() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '\nerror: %s\n' "$*" >&2
  exit 1
}

# quietly COMMAND…: what it prints is shown only when it fails, and then the script ends.
quietly() {
  local output
  output=$("$@" 2>&1) || {
    printf '%s\n' "$output" >&2
    fail "this did not work: $*"
  }
}

find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" > /dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      python=$(command -v "$name")
      return
    fi
  done
  fail "Python 3.11 or newer is needed, and none is on PATH"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    fail "this needs root, and there is no sudo: $*"
  fi
}

need_packages() {
  command -v apt-get > /dev/null || fail "please install these by hand, there is no apt-get here: $*"
  say "Installing from apt: $*"
  quietly as_root apt-get update -qq
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
}

# Debian and Ubuntu ship Python without ensurepip, and without it no virtual environment gets a pip.
need_venv() {
  if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    need_packages "$("$python" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")')"
  fi
}

# stamp TEXT…: a line that changes when TEXT, pyproject.toml, the interpreter or the checkout's place does.
stamp() {
  { printf '%s\n' "$PWD" "$@"; "$python" -VV; cat pyproject.toml; } | sha256sum | cut -d ' ' -f 1
}

is_made() { [ "$(cat "$1/.stamp" 2> /dev/null)" = "$2" ]; }

# make_venv FOLDER PIP-ARGUMENT…: the same arguments on an unchanged pyproject.toml leave the folder as it is.
make_venv() {
  local folder=$1 mark
  shift
  mark=$(stamp "$@")
  if is_made "$folder" "$mark"; then
    say "$folder is there already"
    return
  fi
  need_venv
  say "Making $folder: pip install $*"
  quietly "$python" -m venv --clear "$folder"
  case " $* " in
    *" --group "*) # an older pip does not know dependency groups
      quietly "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "pip>=25.1" ;;
  esac
  quietly "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
  printf '%s\n' "$mark" > "$folder/.stamp"
}
