#!/bin/sh
# Makes the service's user and database, as PostgreSQL's superuser, where there are none yet. The PostgreSQL image runs
# it when it sets its data folder up; elsewhere: runuser -u postgres -- env PASSWORD_FILE=… sh create-database.sh
# The password is read by psql itself, so that it stands in no list of processes.
set -eu
export PASSWORD_FILE="${PASSWORD_FILE:-/run/secrets/database_password}"
test -s "$PASSWORD_FILE"
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set password `cat "$PASSWORD_FILE"`
CREATE ROLE sts LOGIN PASSWORD :'password';
CREATE DATABASE sts OWNER sts ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE sts FROM PUBLIC;
SQL
