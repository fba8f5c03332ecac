# What mysql.sh and mariadb.sh share, beside common.sh. Sourced, not run. They set: SERVER (mysql | mariadb) and define server_run,
# server_init.
#
# BUFFER REDO        innodb's buffer pool and redo log (default 128M, 64M: small, many fit beside each other)
# DURABILITY         default | relaxed (nothing waits for the disk) | strict (sync_binlog=1 on MariaDB too)
# TEMPLATE           a data directory that instances begin with a copy of; the first makes it
# EXTRA              more options of the server, split at white space

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
BUFFER=${BUFFER:-128M} REDO=${REDO:-64M} DURABILITY=${DURABILITY:-default} TEMPLATE=${TEMPLATE:-}

DBUSER=$(id -un)
if [ "$DBUSER" = root ]; then
  DBUSER=millracedb
  id "$DBUSER" >/dev/null 2>&1 || useradd -r -M -s /usr/sbin/nologin "$DBUSER" || id "$DBUSER" >/dev/null
fi
as_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid="$DBUSER" --regid="$DBUSER" --clear-groups "$@"; else "$@"; fi
}

durability() {
  case $DURABILITY in
    relaxed) printf 'sync_binlog=0\ninnodb_flush_log_at_trx_commit=0\n' ;;
    strict) printf 'sync_binlog=1\ninnodb_flush_log_at_trx_commit=1\n' ;;
  esac
}

# The accounts: root without a password on the socket, millrace/millrace by TCP. Not in the binary log.
accounts() {
  cat <<'SQL'
SET sql_log_bin=0;
CREATE USER IF NOT EXISTS 'millrace'@'%' IDENTIFIED BY 'millrace';
GRANT ALL ON *.* TO 'millrace'@'%' WITH GRANT OPTION;
SQL
}

endings() { grep -c -E 'Aborting|Server - end|Server socket.*failed' "$DIR/error.log" 2>/dev/null || true; }

# What server_init makes takes seconds; a copy does not. Identity and log are of each server, from its first start on.
data_folder() {
  if [ -z "$TEMPLATE" ]; then
    server_init
    return
  fi
  (
    flock 9
    if [ ! -d "$TEMPLATE" ]; then
      server_init
      rm -f "$DIR"/data/{auto.cnf,binlog.*}
      mv "$DIR/data" "$TEMPLATE"
    fi
  ) 9>"$TEMPLATE.lock"
  cp -a "$TEMPLATE" "$DIR/data"
  as_user touch "$DIR/error.log"
}

service_start() {
  server_conf >"$DIR/my.cnf"
  if [ ! -d "$DIR/data" ]; then
    mkdir -p "$DIR/tmp"
    accounts >"$DIR/init.sql"
    if [ "$(id -u)" = 0 ]; then chown -R "$DBUSER:" "$DIR"; fi
    data_folder
  fi
  rm -f "$DIR/server.pid"
  local before
  before=$(endings)
  # shellcheck disable=SC2086
  (server_run ${EXTRA:-} >>"$DIR/error.log" 2>&1 </dev/null &)
  for _ in $(seq 600); do
    [ "$(endings)" = "$before" ] || break
    if [ -s "$DIR/server.pid" ] && (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
      echo "$SERVER://millrace:millrace@127.0.0.1:$PORT"
      return 0
    fi
    sleep .05
  done
  tail -5 "$DIR/error.log" >&2
  return 1
}
