#!/usr/bin/env bash
# mariadb.sh install | start [FOLDER PORT] | stop [FOLDER]
#
# A real MariaDB for tests: the system's package of the server alone (no service, nothing in /etc); installing it needs root, running
# it does not. Any number of instances, each a folder and a port. Variables: mysql-common.sh, common.sh. MariaDB's own default is
# sync_binlog=0.
set -euo pipefail
SERVER=mariadb DEFAULT_PORT=13416
. "$(dirname "${BASH_SOURCE[0]}")/mysql-common.sh"
PATH=$PATH:/usr/sbin

service_install() {
  if command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; then return; fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mariadb-server-core >/dev/null
}

server_run() { as_user setsid mariadbd --defaults-file="$DIR/my.cnf" --init-file="$DIR/init.sql" "$@"; }

server_init() {
  as_user mariadb-install-db --defaults-file="$DIR/my.cnf" --auth-root-authentication-method=normal --skip-test-db --force \
    --skip-log-bin >"$DIR/install.log" 2>&1
}

server_conf() {
  cat <<C
[mysqld]
datadir=$DIR/data
tmpdir=$DIR/tmp
socket=$DIR/server.sock
pid_file=$DIR/server.pid
log_error=$DIR/error.log
port=$PORT
bind_address=127.0.0.1
server_id=$PORT
log_bin=$DIR/data/binlog
binlog_format=ROW
binlog_row_image=FULL
binlog_row_metadata=FULL
gtid_strict_mode=ON
gtid_domain_id=0
log_slave_updates=ON
max_binlog_size=1G
expire_logs_days=0
character_set_server=utf8mb4
default_time_zone=+00:00
local_infile=ON
max_connections=300
innodb_buffer_pool_size=$BUFFER
innodb_log_file_size=$REDO
skip_name_resolve=ON
C
  durability
}

service_main "$@"
