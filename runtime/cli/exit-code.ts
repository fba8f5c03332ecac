import { EXIT } from './command.ts'

/** Errors that a differently typed command or a differently written graph would not have met. */
const MISUSE: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'SETTING_INVALID',
  'SETTING_UNKNOWN',
  'JOB_FILE',
  'JOB_NOT_FOUND',
  'JOB_SEVERAL',
  'CHECKPOINT_NOT_FOUND',
  'CONNECTOR_OPTION',
  'SOURCE_NOT_REPLAYABLE',
  'STATE_DUPLICATE',
])

/** Whether the command or the job file was at fault: trying the same again cannot help. */
export function isMisuse(code: string | undefined): boolean {
  return code !== undefined && (MISUSE.has(code) || code.startsWith('GRAPH_'))
}

/** The exit code for an error of this code. */
export function exitCodeOf(code: string | undefined): number {
  return isMisuse(code) ? EXIT.misuse : EXIT.failed
}
