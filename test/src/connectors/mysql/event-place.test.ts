import { describe, expect, it } from 'vitest'
import { EventPlace } from '../../../../src/connectors/mysql/event-place.ts'
import { EventType, type LogEvent } from '../../../../src/connectors/mysql/log/event.ts'

const event = (type: number, size: number, end: number, flags = 0, body = Buffer.alloc(0)): LogEvent => ({
  type,
  timestampMs: 7000,
  serverId: 1,
  end: end >>> 0,
  flags,
  body,
  size,
})

function rotate(file: string, pos: number, end = 0): LogEvent {
  const body = Buffer.alloc(8 + file.length)
  body.writeBigUInt64LE(BigInt(pos))
  body.write(file, 8)
  return event(EventType.rotate, 19 + body.length, end, end === 0 ? 0x20 : 0, body)
}

const from = (pos: number) => ({ server: '', file: 'l.000001', pos, rows: 0 })

function walk(place: EventPlace, events: readonly LogEvent[]): string[] {
  return events.map((one) => {
    place.moveTo(one)
    return `${place.file}:${place.pos}-${place.next}`
  })
}

describe('EventPlace', () => {
  it('follows files: what is made up for the dump takes no bytes', () => {
    const place = new EventPlace(from(500), true)
    const seen = walk(place, [
      rotate('l.000001', 500),
      event(EventType.formatDescription, 123, 0),
      event(EventType.gtid, 80, 580),
      event(EventType.heartbeat, 36, 580),
      event(EventType.xid, 31, 611),
      rotate('l.000002', 4, 611 + 19 + 16),
      rotate('l.000002', 4),
      event(EventType.formatDescription, 123, 127),
      event(EventType.previousGtids, 71, 198),
    ])
    expect(seen.slice(2)).toEqual([
      'l.000001:500-580',
      'l.000001:500-580',
      'l.000001:580-611',
      'l.000001:611-646',
      'l.000002:4-4',
      'l.000002:4-127',
      'l.000002:127-198',
    ])
    expect(place.created).toBe(7000)
  })

  it('follows a file beyond 4 GiB, whose positions are told in 32 bits', () => {
    const begin = 2 ** 32 - 100
    const place = new EventPlace(from(begin), true)
    const seen = walk(place, [
      rotate('l.000001', begin),
      event(EventType.gtid, 80, begin + 80),
      event(EventType.writeRows, 1000, begin + 1080),
    ])
    expect(seen.at(-1)).toBe(`l.000001:${begin + 80}-${begin + 1080}`)
  })

  it('I1: an event that is missing is an error, where every one is sent', () => {
    const place = new EventPlace(from(500), true)
    walk(place, [rotate('l.000001', 500), event(EventType.gtid, 80, 580)])
    expect(() => place.moveTo(event(EventType.xid, 31, 700))).toThrowError(
      expect.objectContaining({ code: 'SOURCE_FAILED' }),
    )
  })

  it('I1: elsewhere gaps are passed, but never backwards', () => {
    const place = new EventPlace(from(4), false)
    const seen = walk(place, [
      rotate('l.000001', 4),
      event(EventType.mariadbGtid, 42, 842),
      event(EventType.tableMap, 50, 992),
      event(EventType.writeRowsV1, 40, 0),
      event(EventType.xid, 31, 1063),
    ])
    expect(seen.slice(1)).toEqual(['l.000001:800-842', 'l.000001:942-992', 'l.000001:992-1032', 'l.000001:1032-1063'])
    expect(() => place.moveTo(event(EventType.mariadbGtid, 42, 900))).toThrowError(
      expect.objectContaining({ code: 'SOURCE_FAILED' }),
    )
  })
})
