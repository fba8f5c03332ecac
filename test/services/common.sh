# What the scripts of all services share. Sourced, not run. They set SERVER and DEFAULT_PORT and define service_install, service_start.
# An instance is a folder: server.pid and error.log are in it.
#
# MILLRACE_SERVICES  where installed servers live (default: see below)
# EXTRA              more options of the server

# As root a server may run as a user of its own, who must be able to read where it is installed.
if [ "$(id -u)" = 0 ]; then SERVICES=${MILLRACE_SERVICES:-/var/cache/millrace/services}; else SERVICES=${MILLRACE_SERVICES:-$HOME/.cache/millrace/services}; fi

service_stop() {
  local pid
  pid=$(cat "$DIR/server.pid" 2>/dev/null || true)
  [ -n "$pid" ] || return 0
  if kill "$pid" 2>/dev/null; then
    for _ in $(seq 600); do kill -0 "$pid" 2>/dev/null || break; sleep .1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$DIR/server.pid"
}

service_main() {
  local usage="usage: $(basename "$0") install | start [FOLDER PORT] | stop [FOLDER]"
  DIR=${2:-$SERVICES/$SERVER} PORT=${3:-$DEFAULT_PORT}
  case ${1:-} in
    install) service_install ;;
    start)
      mkdir -p "$DIR"
      DIR=$(cd "$DIR" && pwd -P)
      service_start
      ;;
    stop) service_stop ;;
    *)
      echo "$usage" >&2
      exit 2
      ;;
  esac
}
