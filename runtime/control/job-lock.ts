// The lock of a job's folder: one running process per job.
//
// It is a file that names its owner. A lock whose owner is dead is stale and taken over; the owner is known by its process
// id and, where the system tells (Linux), by when it started, for ids are used again. Taking over happens under a second file, so of two
// processes that find the same stale lock one gets it. The lock guards against mistakes on one machine; it is no lease between machines.

import { randomUUID } from 'node:crypto'
import { access, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError, reasonOf } from '../../src/errors.ts'

/** Who holds a lock. */
interface Owner {
  readonly pid: number
  /** Start of the process in the system's own notation; undefined where it does not tell. */
  readonly started: string | undefined
  readonly nonce: string
}

/** A lock that is held. */
export interface JobLock {
  /** Frees it. Nothing if it is no longer ours. */
  release(): Promise<void>
}

const GUARD_TRIES = 40
const GUARD_PAUSE_MS = 25

/** Locks a job's folder, making it if needed. Throws JOB_LOCKED, IO. */
export async function lockJob(path: string): Promise<JobLock> {
  const owner: Owner = { pid: process.pid, started: await startOf(process.pid), nonce: randomUUID() }
  try {
    await makeFolder(dirname(path))
    if (!(await createWhole(path, owner))) await takeOver(path, owner)
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('IO', { action: 'Could not lock', path, reason: reasonOf(error) }, error)
  }
  return {
    release: async () => {
      if ((await ownerOf(path))?.nonce === owner.nonce) await rm(path, { force: true })
    },
  }
}

/** Each step by itself: where a folder cannot be made at all (/proc) Node's recursive mkdir tries for ever. */
async function makeFolder(path: string): Promise<void> {
  if ((await madeOrThere(path)) === 'made or there') return
  // The one above may be there by now: other jobs make it, too.
  if (!(await there(dirname(path)))) await makeFolder(dirname(path))
  const error = await madeOrThere(path)
  if (error !== 'made or there') throw error
}

/** Throws what is no lack of the folder above. */
async function madeOrThere(path: string): Promise<'made or there' | Error> {
  const error = await mkdir(path).catch((thrown: NodeJS.ErrnoException) => thrown)
  if (error === undefined || error.code === 'EEXIST') return 'made or there'
  if (error.code !== 'ENOENT') throw error
  return error
}

function there(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** The process that holds a lock now, or undefined. */
export async function lockHolder(path: string): Promise<number | undefined> {
  const owner = await ownerOf(path)
  return owner !== undefined && (await isAlive(owner)) ? owner.pid : undefined
}

async function takeOver(path: string, owner: Owner): Promise<void> {
  await refuseIfHeld(path)
  const guard = `${path}.takeover`
  await enterGuard(guard, path, owner)
  try {
    await refuseIfHeld(path)
    const fresh = await writeTemporary(path, owner)
    await rename(fresh, path)
  } finally {
    await rm(guard, { force: true })
  }
  if ((await ownerOf(path))?.nonce !== owner.nonce) await refuseIfHeld(path)
}

async function enterGuard(guard: string, path: string, owner: Owner): Promise<void> {
  for (let tries = 0; tries < GUARD_TRIES; tries++) {
    if (await createWhole(guard, owner)) return
    const other = await ownerOf(guard)
    if (other !== undefined && !(await isAlive(other))) await rm(guard, { force: true })
    else await sleep(GUARD_PAUSE_MS)
  }
  throw locked(path, (await ownerOf(guard))?.pid)
}

async function refuseIfHeld(path: string): Promise<void> {
  const owner = await ownerOf(path)
  if (owner !== undefined && (await isAlive(owner))) throw locked(path, owner.pid)
}

function locked(path: string, pid: number | undefined): MillraceError {
  const dir = dirname(path)
  return new MillraceError('JOB_LOCKED', { job: basename(dir), dir, pid: pid ?? 'unknown' })
}

/** A file with this content, or false if there is one already: a reader never sees half of it. */
async function createWhole(path: string, owner: Owner): Promise<boolean> {
  const temporary = await writeTemporary(path, owner)
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeTemporary(path: string, owner: Owner): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}-${owner.nonce}`)
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(JSON.stringify(owner))
  } finally {
    await file.close()
  }
  return temporary
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (!processExists(owner.pid)) return false
  if (owner.started === undefined) return true
  const started = await startOf(owner.pid)
  return started === undefined || started === owner.started
}

/** Whether there is a process of this id, whoever owns it. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The boot of the system and the ticks since then at which the process started. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    const line = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in brackets and may hold spaces; the start is the 20th field after it.
    const [state, ...rest] = line.slice(line.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; only its parent has not asked yet.
    if (state === 'Z' || state === 'X') return 'ended'
    return rest[18] === undefined ? undefined : `${boot}/${rest[18]}`
  } catch {
    return undefined
  }
}
