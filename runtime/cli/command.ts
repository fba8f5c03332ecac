import type { Arguments } from './parse-arguments.ts'

/** What a command may touch of the process. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Does the work of one command; resolves to the exit code. Errors are thrown and told by main. */
export type CommandFunction = (args: Arguments, terminal: Terminal) => Promise<number>

/** Exit codes. A run ended by a second signal exits with 128 + its number, as shells do. */
export const EXIT = { done: 0, failed: 1, misuse: 2 } as const
