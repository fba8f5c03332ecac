import { expect, it } from 'vitest'
import { freePorts } from './server-process.ts'

it('a free port is given once', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, () => freePorts(1)))
  expect(new Set(ports).size).toBe(ports.length)
})
