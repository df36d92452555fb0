#!/bin/sh
# Installs the units, as root: sh deploy/systemd/install.sh [--production]
# The service itself is installed first: python3 -m venv /opt/sts && /opt/sts/bin/pip install .
# (PREFIX names another place than /opt/sts, DESTINATION another root, for packages.)
# With --production the units take the addresses of PostgreSQL and Redis from /etc/sts/ (production.conf).
set -eu
cd "$(dirname "$0")"
root=${DESTINATION:-} prefix=${PREFIX:-/opt/sts}
units=$root/etc/systemd/system

install -d -m 0755 "$units/sts.service.d" "$units/sts-.service.d" "$root/etc/sysusers.d" "$root/etc/sts"
for unit in *.service *.timer; do
  sed "s|/opt/sts/|$prefix/|" "$unit" > "$units/$unit"
  chmod 0644 "$units/$unit"
done
install -m 0644 sysusers.conf "$root/etc/sysusers.d/sts.conf"
for folder in sts.service.d sts-.service.d; do
  install -m 0644 hardening.conf "$units/$folder/"
  [ "${1:-}" != --production ] || install -m 0644 production.conf "$units/$folder/"
done
[ -n "$root" ] || { systemd-sysusers && systemctl daemon-reload; }
