import { EXIT } from './command.ts'

/** Errors that a differently typed command would not have met. */
const MISUSE: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'SETTING_INVALID',
  'SETTING_UNKNOWN',
  'JOB_FILE',
  'JOB_NOT_FOUND',
  'CHECKPOINT_NOT_FOUND',
])

/** Whether the command was at fault: nothing ran, so there is nothing to sum up and nothing to restart. */
export function isMisuse(code: string | undefined): boolean {
  return code !== undefined && MISUSE.has(code)
}

/** The exit code for an error of this code. */
export function exitCodeOf(code: string | undefined): number {
  return isMisuse(code) ? EXIT.misuse : EXIT.failed
}
