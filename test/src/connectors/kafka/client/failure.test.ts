import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../../../../src/connectors/kafka/client/error-codes.ts'
import { failureOf, throwIfFailed } from '../../../../../src/connectors/kafka/client/failure.ts'

describe('failures by error code', () => {
  it('names the code, what was done, what the broker said, and what to do', () => {
    expect(failureOf(29, 'Topic "orders"')).toMatchObject({
      name: 'KafkaFailure',
      code: 29,
      kind: 'TOPIC_AUTHORIZATION_FAILED',
      retriable: false,
      message: expect.stringMatching(
        /^Topic "orders": TOPIC_AUTHORIZATION_FAILED: the principal lacks an ACL on the topic: Read/,
      ),
    })
    expect(failureOf(38, 'x', 'Unable to replicate.').message).toBe(
      'x: INVALID_REPLICATION_FACTOR: Unable to replicate: the replication factor is larger than the number of brokers that run: start more, or ask for fewer replicas',
    )
    expect(failureOf(10, 'x').message).toContain('max.message.bytes')
    expect(failureOf(19, 'x')).toMatchObject({
      retriable: true,
      message: expect.stringContaining('min.insync.replicas'),
    })
    expect(failureOf(6, 'x').retriable).toBe(true)
  })

  it('takes codes that it does not know for lasting', () => {
    expect(failureOf(9999, 'x')).toMatchObject({ kind: 'ERROR_9999', code: 9999, retriable: false })
  })

  it('has no gap and no name twice', () => {
    const codes = Object.keys(ERROR_CODES).map(Number)
    expect(codes.toSorted((a, b) => a - b)).toEqual([-1, ...Array.from({ length: 133 }, (_, index) => index + 1)])
    const names = Object.values(ERROR_CODES).map(([name]) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('throws on codes but 0', () => {
    expect(() => throwIfFailed(0, 'x')).not.toThrow()
    expect(() => throwIfFailed(3, 'x')).toThrow('UNKNOWN_TOPIC_OR_PARTITION')
  })
})
