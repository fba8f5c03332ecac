import { expect, it } from 'vitest'
import { releaseWarning } from '../../../../../src/connectors/kafka/sink/sink-parts.ts'

it('warns of the release whose brokers lose markers, and of no other', () => {
  expect(releaseWarning('4.3')).toContain('lose committed markers')
  expect(['4.2', '4.4', '3.9', undefined].map(releaseWarning)).toEqual([undefined, undefined, undefined, undefined])
})
