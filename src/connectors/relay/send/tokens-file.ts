// What receivers have given this queue, the last of each, in a small file beside it: who has it goes on, and no copy of the queue does.

import { join } from 'node:path'
import { nodeFileSystem } from '../../../util/file-system.ts'
import { readJson, writeJson } from '../queue/json-file.ts'

/** As many as a Hello can tell. */
const TOKENS_MAX = 256

interface TokensFile {
  readonly format: 1
  /** By target, the latest last; those of targets that there are no more, too, for they may be called otherwise now. */
  readonly tokens: readonly (readonly [target: string, token: string])[]
}

/** By target. Throws LOG_CORRUPT, IO. */
export async function readTokens(folder: string): Promise<ReadonlyMap<string, string>> {
  const file = (await readJson(nodeFileSystem, pathOf(folder))) as TokensFile | undefined
  return new Map(file?.tokens)
}

/** Durable when it resolves. One call at a time. Throws LOG_CORRUPT, IO. */
export async function writeToken(folder: string, target: string, token: string): Promise<void> {
  const tokens = new Map(await readTokens(folder))
  if (tokens.get(target) === token) return
  tokens.delete(target)
  const latest = [...tokens, [target, token] as const].slice(-TOKENS_MAX)
  await writeJson(nodeFileSystem, pathOf(folder), { format: 1, tokens: latest } satisfies TokensFile)
}

function pathOf(folder: string): string {
  return join(folder, 'tokens.json')
}
