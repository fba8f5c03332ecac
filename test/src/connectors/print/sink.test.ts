import { afterEach, expect, test, vi } from 'vitest'
import { print } from '../../../../src/connectors/print/index.ts'
import { Decimal } from '../../../../src/util/decimal.ts'

function captureStdout(answer: (done: (error?: Error) => void) => void): string[] {
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation(((text: string, done: (error?: Error) => void) => {
    written.push(text)
    answer(done)
    return true
  }) as never)
  return written
}

afterEach(() => {
  vi.restoreAllMocks()
})

test('one line per record: texts as they are, everything else on one line', async () => {
  const written = captureStdout((done) => done())
  await print().write(['text', 1, { a: [1, 2], b: 'x'.repeat(200) }, null])
  expect(written.join('')).toBe(`text\n1\n{ a: [ 1, 2 ], b: '${'x'.repeat(200)}' }\nnull\n`)
})

test('bigints and Decimals with all their digits', async () => {
  const written = captureStdout((done) => done())
  await print().write([2n ** 64n, new Decimal('1e-8'), { price: new Decimal('1.50'), id: 5n }])
  expect(written.join('')).toBe('18446744073709551616n\n0.00000001\n{ price: 1.5, id: 5n }\n')
})

test('prefix and format', async () => {
  const written = captureStdout((done) => done())
  await print({ prefix: '> ', format: (record) => `<${String(record)}>` }).write([1, 2])
  expect(written).toEqual(['> <1>\n> <2>\n'])
})

test('waits until the lines are taken, and fails with the stream', async () => {
  let taken: (() => void) | undefined
  captureStdout((done) => {
    taken = done
  })
  let passed = false
  const writing = print()
    .write([1])
    .then(() => {
      passed = true
    })
  await Promise.resolve()
  expect(passed).toBe(false)
  taken?.()
  await writing
  captureStdout((done) => done(new Error('EPIPE')))
  await expect(print().write([1])).rejects.toThrow('EPIPE')
})

test('says that it may repeat', () => {
  expect(print().guarantee).toBe('at-least-once')
})
