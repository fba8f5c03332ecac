#!/usr/bin/env bash
# mysql.sh install | start [FOLDER PORT] | stop [FOLDER]
#
# A real MySQL for tests, on Debian and without root: the server's packages of Debian's unstable suite, resolved by apt in a private
# folder, only unpacked, and run through their own loader. 0.25 GB, some 10 seconds. Any number of instances, each a folder and a port.
# MYSQL_ROOT: where it is unpacked, if not in MILLRACE_SERVICES. More variables: mysql-common.sh, common.sh.
set -euo pipefail
SERVER=mysql DEFAULT_PORT=13316
. "$(dirname "${BASH_SOURCE[0]}")/mysql-common.sh"
ROOT=${MYSQL_ROOT:-$SERVICES/mysql-root}
if [ -d "$ROOT" ]; then ROOT=$(cd "$ROOT" && pwd -P); fi

# The mirror this machine already uses.
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1; }

service_install() {
  if [ -x "$ROOT/usr/sbin/mysqld" ]; then return; fi
  local new=$ROOT.new.$$ apt=$ROOT.new.$$/apt
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/state/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) sid main" >"$apt/sources.list"
  local get=(apt-get -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$apt/state"
    -o Dir::State::status="$apt/state/status" -o Dir::Cache="$apt/cache" -o Acquire::Languages=none
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1)
  "${get[@]}" update
  "${get[@]}" install -y --no-install-recommends --download-only mysql-server-core >/dev/null
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$new"; done
  rm -rf "$apt" "$new"/usr/share/{doc,man,locale,perl,perl5,zoneinfo} "$new"/usr/lib/x86_64-linux-gnu/perl*
  mv "$new" "$ROOT"
}

server_run() {
  as_user setsid "$ROOT/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
    --library-path "$ROOT/usr/lib/x86_64-linux-gnu:$ROOT/usr/lib/mysql/private" \
    "$ROOT/usr/sbin/mysqld" --defaults-file="$DIR/my.cnf" "$@"
}

server_init() { server_run --initialize-insecure --init-file="$DIR/init.sql"; }

server_conf() {
  cat <<C
[mysqld]
basedir=$ROOT/usr
lc_messages_dir=$ROOT/usr/share/mysql
character_sets_dir=$ROOT/usr/share/mysql/charsets
plugin_dir=$ROOT/usr/lib/mysql/plugin
datadir=$DIR/data
tmpdir=$DIR/tmp
socket=$DIR/server.sock
pid_file=$DIR/server.pid
log_error=$DIR/error.log
port=$PORT
bind_address=127.0.0.1
mysqlx=0
server_id=$PORT
log_bin=$DIR/data/binlog
binlog_row_image=FULL
binlog_row_metadata=FULL
gtid_mode=ON
enforce_gtid_consistency=ON
log_replica_updates=ON
max_binlog_size=1G
binlog_expire_logs_seconds=0
character_set_server=utf8mb4
default_time_zone=+00:00
local_infile=ON
max_connections=300
innodb_buffer_pool_size=$BUFFER
innodb_redo_log_capacity=$REDO
skip_name_resolve=ON
secure_file_priv=
loose_binlog_format=ROW
C
  durability
}

service_main "$@"
