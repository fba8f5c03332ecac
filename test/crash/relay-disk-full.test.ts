// A disk that fills up under an end of a relay and has room again later: a real small file system, where the machine lets us mount one.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { seededRng } from '../../src/util/rng.ts'
import { RelayEnds } from './relay-ends.ts'

const disk = mkdtempSync(join(tmpdir(), 'relay-disk-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]).status === 0

afterAll(() => {
  // Lazily: a process that has just been killed may hold it for a moment.
  if (mounted) spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

/** Takes all the room there is. */
function fill(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (const chunk of [Buffer.alloc(1 << 16), Buffer.alloc(1)]) while (wrote(fd, chunk)) {}
  } finally {
    closeSync(fd)
  }
}

function wrote(fd: number, chunk: Buffer): boolean {
  try {
    return writeSync(fd, chunk) > 0
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
    return false
  }
}

// skip: mounting a file system needs rights that not every machine gives.
it.skipIf(!mounted).each(['north', 'south'] as const)(
  'full at the %s: nothing is lost, and it goes on',
  async (site) => {
    const ends = await RelayEnds.open({ rng: seededRng(3), [site]: join(disk, site) })
    const [sender, receiver] = [ends.send(), ends.receive()]
    await ends.tell(2_000)
    await ends.arrived(sender, receiver)
    const ballast = join(disk, 'ballast')
    fill(ballast)
    await ends.tell(10_000, 500)
    await (site === 'north' ? sender : receiver).seen(/ENOSPC|no space|disk (is )?full/i)
    rmSync(ballast)
    expect(await ends.settle(sender, receiver)).toBe(12_000)
  },
)
