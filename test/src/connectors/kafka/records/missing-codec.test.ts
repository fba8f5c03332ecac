import { expect, it, vi } from 'vitest'
import { openReadCodecs, openWriteCodec, readCodec } from '../../../../../src/connectors/kafka/records/codecs.ts'

vi.mock('lz4-napi', () => {
  throw new Error("Cannot find package 'lz4-napi'")
})

it('a compression whose package is missing is refused by who writes it, with what to install', async () => {
  await expect(openWriteCodec('lz4', 'kafkaSink')).rejects.toMatchObject({
    code: 'CONNECTOR_OPTION',
    message: expect.stringMatching(/compression of kafkaSink: "lz4" needs the package lz4-napi: npm install lz4-napi/),
  })
})

it('and found missing by who reads it when a batch needs it; the others are read', async () => {
  await openReadCodecs()
  expect(() => readCodec(3, 'Batch at offset 4 of t/0')).toThrow(/UNSUPPORTED_COMPRESSION_TYPE.*npm install lz4-napi/)
  expect(readCodec(2, 't').compress(Buffer.from('a'))).toBeInstanceOf(Buffer)
})
