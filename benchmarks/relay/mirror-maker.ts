// MirrorMaker 2 beside us: installed by Maven, run as it comes.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Running, start } from './processes.ts'

/** The release before that of the brokers: connect-mirror-client 4.2.1 is not on Maven Central. */
const VERSION = '4.1.2'

/** Where it installs to: beside the brokers that tests use. */
const JARS = join(
  process.env.MILLRACE_SERVICES ??
    (process.getuid?.() === 0 ? '/var/cache/millrace/services' : join(homedir(), '.cache/millrace/services')),
  `mirror-maker-${VERSION}`,
)

/** 34 MB from Maven Central, once. */
export function installMirrorMaker(): void {
  if (existsSync(JARS)) return
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mirror-maker-'))
  const lib = join(folder, 'lib')
  const dependency = (group: string, artifact: string, version: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>mirror-maker</artifactId><version>1</version>
    <packaging>pom</packaging><dependencies>${dependency('org.apache.kafka', 'connect-mirror', VERSION)}
    ${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}</dependencies></project>`,
  )
  const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
  execFileSync('mvn', ['-q', '-B', '-ntp', copy, '-DincludeScope=runtime', `-DoutputDirectory=${lib}`], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  for (const jar of readdirSync(lib)) if (/reload4j|log4j12|logback-classic/.test(jar)) rmSync(join(lib, jar))
  execFileSync('mkdir', ['-p', join(JARS, '..')])
  execFileSync('cp', ['-r', lib, `${JARS}.new`])
  renameSync(`${JARS}.new`, JARS)
  rmSync(folder, { recursive: true, force: true })
}

/** Copies topics from one cluster to another with four tasks; at the other they are called `A.TOPIC`. */
export function startMirrorMaker(folder: string, from: string, to: string, topics: string): Running {
  const file = join(folder, 'mirror-maker.properties')
  const internal = [
    'checkpoints.topic',
    'heartbeats.topic',
    'offset-syncs.topic',
    'config.storage',
    'offset.storage',
    'status.storage',
  ]
  writeFileSync(
    file,
    [
      ...['clusters = A, B', `A.bootstrap.servers = ${from}`, `B.bootstrap.servers = ${to}`],
      ...['A->B.enabled = true', 'B->A.enabled = false', `A->B.topics = ${topics}`, 'A->B.groups = none'],
      ...['replication.factor = 1', ...internal.map((name) => `${name}.replication.factor = 1`)],
      ...[
        'A->B.emit.checkpoints.enabled = false',
        'emit.heartbeats.enabled = false',
        'sync.topic.acls.enabled = false',
      ],
      ...['refresh.topics.interval.seconds = 5', 'tasks.max = 4', ''],
    ].join('\n'),
  )
  // The heap that Kafka's own start script gives it.
  const options = ['-Xms256m', '-Xmx2g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', `${JARS}/*`]
  return start('MirrorMaker 2', 'java', [...options, 'org.apache.kafka.connect.mirror.MirrorMaker', file])
}
