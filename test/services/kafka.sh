#!/usr/bin/env bash
# kafka.sh install | start [FOLDER PORT] | stop [FOLDER] | java CLASS ARGS…
#
# A real Kafka for tests: one node, broker and controller in one process, from Maven Central by Maven and run by Java 17 (Debian's
# packages of both, installed if absent, which needs root). 105 MB. Any number of instances, each a folder and five ports:
#   PORT      plaintext; the broker's own, too
#   PORT + 1  the controller
#   PORT + 2  plaintext, telling clients to come to ADVERTISED_PORT (default: itself): for a proxy in between
#   PORT + 3  SASL over plaintext: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; user millrace, password millrace
#   PORT + 4  TLS; the certificate to trust is FOLDER/tls.crt
# java: a class of Kafka's own tools, e.g. org.apache.kafka.tools.consumer.ConsoleConsumer.
# EXTRA: server properties, one a line; CLUSTER_ID: of the cluster that they make it a part of. HEAP: default 320m. TIER=1: compiled at
# once and less well, for brokers that live shortly. More variables: common.sh.
set -euo pipefail
SERVER=kafka DEFAULT_PORT=13092
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# 4.3.1 loses the markers of committed transactions when it is killed; 4.2.1 does not.
VERSION=4.2.1
HEAP=${HEAP:-320m} TIER=${TIER:-4}
JARS=$SERVICES/kafka-jars
ARCHIVE=-XX:SharedArchiveFile=$JARS/kafka.jsa

service_install() {
  if ! command -v java >/dev/null || ! command -v mvn >/dev/null || ! command -v openssl >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends openjdk-17-jre-headless maven openssl >/dev/null
  fi
  if [ "$(cat "$JARS/version" 2>/dev/null)" = "$VERSION" ]; then return; fi
  local new=$JARS.new.$$
  mkdir -p "$new"
  cat >"$new/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId> <artifactId>kafka-jars</artifactId> <version>1</version> <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
  (cd "$new" && mvn -q -B -ntp org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new") >&2
  rm -f "$new"/{slf4j-reload4j,log4j-slf4j,slf4j-log4j12,logback-classic}*.jar # slf4j-simple alone shall log
  rm -rf "$JARS"
  mv "$new" "$JARS"
  install_archive
  echo "$VERSION" >"$JARS/version"
}

# The classes that a broker has loaded when it is up, ready to map: a start then costs half.
install_archive() {
  DIR=$(mktemp -d) PORT=$((20000 + RANDOM % 10000))
  ARCHIVE=-XX:ArchiveClassesAtExit=$JARS/kafka.jsa
  service_start >&2 && service_stop
  rm -rf "$DIR"
}

# jvm LEVEL ARGS…: what is logged goes to stderr.
jvm() {
  local level=$1
  shift
  exec setsid java "$ARCHIVE" -XX:TieredStopAtLevel="$TIER" -XX:-UsePerfData -XX:+UseSerialGC -Djava.awt.headless=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel="$level" -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory -cp "$JARS/*" "$@"
}

server_conf() {
  local at=127.0.0.1 plain=org.apache.kafka.common.security.plain.PlainLoginModule scram=org.apache.kafka.common.security.scram.ScramLoginModule
  cat <<C
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$at:$((PORT + 1))
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://$at:$PORT,CONTROLLER://$at:$((PORT + 1)),PROXIED://$at:$((PORT + 2)),SASL://$at:$((PORT + 3)),TLS://$at:$((PORT + 4))
advertised.listeners=PLAINTEXT://$at:$PORT,PROXIED://$at:${ADVERTISED_PORT:-$((PORT + 2))},SASL://$at:$((PORT + 3)),TLS://$at:$((PORT + 4))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=$plain required user_millrace="millrace";
listener.name.sasl.scram-sha-256.sasl.jaas.config=$scram required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=$scram required;
ssl.keystore.type=PEM
ssl.keystore.location=$DIR/tls.pem
log.dirs=$DIR/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=1
num.io.threads=2
num.replica.fetchers=1
background.threads=2
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=200
controller.quorum.fetch.timeout.ms=1000
${EXTRA:-}
C
}

server_init() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$DIR/tls.pem" -out "$DIR/tls.crt" 2>/dev/null
  cat "$DIR/tls.crt" >>"$DIR/tls.pem"
  local user='[name=millrace,password=millrace]'
  (jvm warn -Xmx64m kafka.tools.StorageTool format -t "${CLUSTER_ID:-$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =)}" \
    -c "$DIR/server.properties" --add-scram "SCRAM-SHA-256=$user" --add-scram "SCRAM-SHA-512=$user") >"$DIR/format.log" 2>&1 ||
    { cat "$DIR/format.log" >&2 && return 1; }
}

service_start() {
  server_conf >"$DIR/server.properties"
  [ -f "$DIR/data/meta.properties" ] || server_init
  : >"$DIR/error.log"
  jvm warn -Xms"$HEAP" -Xmx"$HEAP" kafka.Kafka "$DIR/server.properties" >>"$DIR/error.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$DIR/server.pid"
  for _ in $(seq 1200); do
    if grep -q 'Kafka Server started' "$DIR/error.log"; then
      echo "127.0.0.1:$PORT"
      return 0
    fi
    ! grep -q 'Exiting Kafka' "$DIR/error.log" && kill -0 "$pid" 2>/dev/null || break
    sleep .05
  done
  tail -20 "$DIR/error.log" >&2
  return 1
}

if [ "${1:-}" = java ]; then
  shift
  jvm error "$@"
fi
service_main "$@"
