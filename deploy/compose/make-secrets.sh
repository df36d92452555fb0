#!/bin/sh
# Makes the secrets of deploy/compose.yaml, once: sh make-secrets.sh NAME [FOLDER]
# As root, since each file belongs to the one user of a container that reads it (mode 0400). NAME is the host name that
# clients use: it goes into a certificate that this host signs itself; put one that your clients trust in its place, as
# one PEM file of certificate, chain and key, owned by 99. What is there already is left as it is.
set -eu
umask 077
name=${1:?the host name that clients use}
folder=${2:-$(dirname "$0")/secrets}
mkdir -p "$folder"
cd "$folder"
chmod 0711 .

# keep FILE USER: keeps standard input as FILE, for USER alone.
keep() {
  cat > "$1.new"
  test -s "$1.new"
  chmod 0400 "$1.new"
  chown "$2" "$1.new"
  mv "$1.new" "$1"
}

draw() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

service=10001 postgresql=999 redis=999 haproxy=99

[ -e database_root_password ] || draw | keep database_root_password $postgresql
if [ ! -e database_url ]; then
  password=$(draw)
  printf %s "$password" | keep database_password $postgresql
  printf 'postgresql://sts:%s@postgresql:5432/sts?sslmode=disable\n' "$password" | keep database_url $service
fi
if [ ! -e cache_url ]; then
  password=$(draw)
  # The rights are those of docs/settings.md; `health` may only ask whether the server is there.
  printf 'user default off\nuser sts on >%s ~sts:* +get +set +getdel +eval +incr +pexpire +select +cluster|slots +info\nuser health on nopass +ping\n' "$password" | keep cache_users $redis
  printf 'redis://sts:%s@redis:6379/0\n' "$password" | keep cache_url $service
fi
if [ ! -e certificate ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 365 -subj "/CN=$name" \
    -addext "subjectAltName=DNS:$name" -keyout certificate.key -out certificate.crt 2> openssl.log ||
    { cat openssl.log >&2; exit 1; }
  cat certificate.crt certificate.key | keep certificate $haproxy
  rm certificate.crt certificate.key openssl.log
fi
