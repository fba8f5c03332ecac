// The table of every error Millrace raises: what kind it is, whether trying again can help, what to say.

export type ErrorDomain = 'user' | 'external' | 'internal'
export type RetryHint = 'never' | 'backoff' | 'restart'

interface ErrorRow {
  readonly domain: ErrorDomain
  readonly retry: RetryHint
  /** A sentence with {placeholders} filled from the error's details. Says what was expected and what to do. */
  readonly message: string
}

const row = (domain: ErrorDomain, retry: RetryHint, message: string): ErrorRow => ({ domain, retry, message })

/** code -> domain, retry hint and message. `domain: user` is mended in the job; `external` in the world around it. */
export const ERRORS = {
  // Graph
  GRAPH_NO_SINK: row('user', 'never', 'Job "{job}" has no sink: end at least one stream with .to(name, sink).'),
  GRAPH_NO_SOURCE: row('user', 'never', 'Job "{job}" has no source: begin with flow.from(name, source).'),
  GRAPH_DUPLICATE_NODE: row(
    'user',
    'never',
    'Job "{job}" names two nodes "{node}": give each node a name of its own, state and metrics are kept under it.',
  ),
  GRAPH_BAD_NAME: row(
    'user',
    'never',
    'Name "{name}" of {what} cannot be a file name: use 1 to 100 of the characters a-z A-Z 0-9 . _ - and begin with a letter or digit.',
  ),
  GRAPH_CYCLE: row('user', 'never', 'Job "{job}" has a cycle: {path}. A job is an acyclic graph.'),
  GRAPH_UNKNOWN_NODE: row('user', 'never', 'Node "{node}" reads from "{input}", which is not in job "{job}".'),
  GRAPH_STATE_WITHOUT_KEY: row(
    'user',
    'never',
    'Node "{node}" declares keyed state or timers but its input has no key: call .keyBy(name, selector) before it.',
  ),
  GRAPH_DEAD_END: row('user', 'never', 'Nothing reads the output of node "{node}": end it with .to(name, sink).'),
  GRAPH_BAD_PARALLELISM: row('user', 'never', 'Parallelism {value} of {what} is not a whole number from 1 to {max}.'),
  GRAPH_NOT_DETERMINISTIC: row(
    'user',
    'never',
    'Job "{job}" built two different graphs from one file: {difference}. Building must not depend on time, randomness or the machine.',
  ),
  GRAPH_SHARED_FUNCTION: row(
    'user',
    'never',
    'Node "{node}" got one function object for several subtasks: create it inside the build function or pass a factory, () => new {type}().',
  ),
  GRAPH_BAD_FUNCTION: row('user', 'never', 'Node "{node}" got {what}: expected {expected}.'),
  SOURCE_NOT_REPLAYABLE: row(
    'user',
    'never',
    'Source "{node}" pushes and cannot be replayed: give fromObservable a log ({ log: true }) or run the job at least once.',
  ),
  SOURCE_UNBOUNDED: row(
    'user',
    'never',
    'Source "{node}" never ends, and a batch run computes when all has been read: give it an end (such as a count), or leave --batch out.',
  ),
  // Job file and settings
  JOB_FILE: row('user', 'never', 'Job file {file}: {reason}.'),
  JOB_NOT_FOUND: row('user', 'never', 'File {file} has no job: export default job(name, build).'),
  JOB_SEVERAL: row('user', 'never', 'File {file} has several jobs ({jobs}): say which one with --job NAME.'),
  SETTING_INVALID: row('user', 'never', 'Setting "{key}" is {value}: expected {expected}.'),
  SETTING_UNKNOWN: row('user', 'never', 'Setting "{key}" is not read by job "{job}". It reads: {known}.'),
  CONFIG_INVALID: row('user', 'never', 'Option {path} from {origin}: {reason}.'),
  // User code
  USER_FUNCTION: row('user', 'restart', 'Node "{node}" threw on {record}: {reason}'),
  USER_HOOK: row('user', 'never', '{hook} hook of job "{job}" threw, {when}: {reason}'),
  USER_ESCAPED: row(
    'user',
    'restart',
    'An error escaped from all functions of a worker ({how}): {reason}. Await or return every promise, and catch what callbacks throw.',
  ),
  KEY_INVALID: row(
    'user',
    'never',
    'Key {key} of node "{node}" cannot be used: expected a string, number other than NaN, bigint, boolean, or an array of these.',
  ),
  CHANGELOG_BROKEN: row('user', 'never', 'Node "{node}" cannot follow its changelog at {record}: {reason}.'),
  STATE_UNDECLARED: row(
    'user',
    'never',
    'State "{state}" of node "{node}" was used before open(): declare it as a field.',
  ),
  STATE_DUPLICATE: row('user', 'never', 'Node "{node}" declares two states named "{state}".'),
  STATE_INCOMPATIBLE: row(
    'user',
    'never',
    'State "{state}" of node "{node}" was written as {was} and is now declared {now}: give its descriptor migrate(), or start with --fresh.',
  ),
  STATE_CODEC: row('user', 'never', 'State "{state}" of node "{node}" could not be {action} for key {key}: {reason}'),
  RECORD_CODEC: row('user', 'never', 'A record from "{node}" cannot cross between threads: {reason}'),
  // Checkpoints and restore
  CHECKPOINT_NOT_FOUND: row(
    'user',
    'never',
    'Checkpoint {checkpoint} of job "{job}" is not there. Retained: {retained}.',
  ),
  CHECKPOINT_CORRUPT: row('external', 'never', 'Checkpoint {checkpoint} is damaged: {file}: {reason}. {advice}'),
  CHECKPOINT_VERSION: row(
    'user',
    'never',
    'Checkpoint {checkpoint} has format {found}; this release reads format {expected}.',
  ),
  CHECKPOINT_FAILED: row('external', 'restart', 'Checkpoint {checkpoint} failed: {reason}'),
  SAVEPOINT_CORRUPT: row(
    'external',
    'never',
    'Savepoint {file} is damaged at byte {offset}: {reason}. Nothing of it was used: take another copy, or another savepoint.',
  ),
  SAVEPOINT_VERSION: row(
    'user',
    'never',
    'Savepoint {file} has format {found}; this release reads format {expected}: start it with the release that wrote it, or a later one.',
  ),
  SAVEPOINT_FAILED: row('external', 'backoff', 'No savepoint of job "{job}" was made: {reason}.'),
  RESTORE_NODE_MISSING: row(
    'user',
    'never',
    'Checkpoint {checkpoint} holds state of node "{node}", which the job no longer has: --map {node}=NEW if it was renamed, --allow-dropped-state {node} to give the state up.',
  ),
  RESTORE_NODE_CHANGED: row(
    'user',
    'never',
    'Checkpoint {checkpoint} holds {was} of node "{node}", which is now {now}: give the new node another name, or --allow-dropped-state {node} to give the state up.',
  ),
  RESTORE_KEY_GROUPS: row(
    'user',
    'never',
    'Node "{node}" was checkpointed with {was} key groups and now has {now}: only a start from a savepoint can change keyGroups.',
  ),
  RESTORE_SINK_REPEATS: row(
    'user',
    'never',
    'Sink "{node}" cannot take back what it wrote after checkpoint {checkpoint}: its readers would see it twice. --allow-repeat {node} accepts that.',
  ),
  RESTORE_MODE: row(
    'user',
    'never',
    'Checkpoint {checkpoint} of a {was} run cannot be gone on from in {now} mode: {reason}. --fresh computes everything anew.',
  ),
  // Running
  JOB_LOCKED: row('user', 'never', 'Job "{job}" is already running in {dir} (process {pid}).'),
  JOB_FAILED: row('internal', 'never', 'Job "{job}" failed after {attempts} attempts: {reason}'),
  TASK_FAILED: row('internal', 'restart', 'A task failed outside the functions of its nodes: {reason}'),
  WORKER_LOST: row('internal', 'restart', 'Worker {worker} {reason}.'),
  IO: row('external', 'restart', '{action} {path}: {reason}'),
  STATE_BACKEND: row('external', 'restart', 'State of node "{node}" ({path}): {reason}'),
  LOG_CORRUPT: row('external', 'never', 'Log {path} is damaged at byte {offset}: {reason}'),
  LOG_GONE: row(
    'external',
    'never',
    'Source "{node}" cannot go on from {place}: {reason}. What came since is not to be had from the log any more: --fresh starts over, a source of changes with a new snapshot.',
  ),
  SOURCE_FAILED: row('external', 'restart', 'Source "{node}": {reason}'),
  SOURCE_SETTING: row('external', 'never', 'Source "{node}" cannot read this server as it is set up: {reason}'),
  SINK_FAILED: row('external', 'restart', 'Sink "{node}": {reason}'),
  SINK_TARGET_AHEAD: row(
    'user',
    'never',
    'Sink "{node}": its target already holds epoch {last} of "{writer}", and this run is at epoch {epoch}. The target was written by a run whose data directory is gone: use a new target, or empty it and remove the writer\'s row in its ledger.',
  ),
  // Data
  RELAY_REFUSED: row('external', 'never', 'Sink "{node}": {target} refuses sender "{sender}": {reason}'),
  RELAY_RECORD: row('user', 'never', 'Sink "{node}", stream "{stream}": {reason}.'),
  RECORD_MALFORMED: row('user', 'never', '{file}:{line}: {reason}'),
  SCHEMA_MISMATCH: row('user', 'never', 'Table "{table}": {reason}'),
  CONNECTOR_OPTION: row('user', 'never', 'Option {path} of {connector}: {reason}'),
  // Ours
  INVARIANT: row('internal', 'never', 'Invariant broken: {what}. This is a bug in Millrace; please report it.'),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS
export type ErrorDetails = Readonly<Record<string, string | number | bigint | boolean | undefined>>

const BRAND = Symbol.for('millrace.error')

/** The one error class. `code` says which row of ERRORS it is; `details` fill the message. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly [BRAND] = true

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(ERRORS[code].message, details), cause === undefined ? undefined : { cause })
    this.name = `MillraceError(${code})`
    this.code = code
    this.details = details
  }

  get domain(): ErrorDomain {
    return ERRORS[this.code].domain
  }

  get retry(): RetryHint {
    return ERRORS[this.code].retry
  }
}

/** True for a MillraceError of any copy of this module (a job file may have loaded another one). */
export function isMillraceError(error: unknown): error is MillraceError {
  return typeof error === 'object' && error !== null && BRAND in error
}

/** One line saying why: an error's message, or the thrown thing itself. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function fill(template: string, details: ErrorDetails): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, key: string) =>
    details[key] === undefined ? whole : String(details[key]),
  )
}
