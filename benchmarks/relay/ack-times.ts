// How long batches wait to be acknowledged, seen on the line between.
//
// Owns: what passed on one connection and is not acknowledged.
//
// I1. A batch's time begins with the first one of its burst: what a checkpoint publishes begins to pass at once, and a burst begins where
//     nothing is on its way. So the time that batches wait for those before them is in.

import { FrameDecoder } from '../../src/connectors/relay/wire/frame.ts'
import type { TcpProxy } from '../tcp-proxy.ts'

const FRAME_BYTES_MAX = 64 << 20
/** From the first batch on: what a start has gathered comes at once, and code is cold. */
const WARM_UP_MS = 3_000

/** Ms of each acknowledged batch, in the order of their coming, once the line is warm. */
export function ackTimes(line: TcpProxy): readonly number[] {
  const times: number[] = []
  let warmAtMs = Number.NaN
  const [sent, answered] = [new FrameDecoder(FRAME_BYTES_MAX), new FrameDecoder(FRAME_BYTES_MAX)]
  let waiting: { readonly stream: number; readonly sequence: number; readonly sinceMs: number }[] = []
  line.tap = (chunk, up) => {
    const decoder = up ? sent : answered
    const nowMs = performance.now()
    decoder.push(chunk)
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      const { message } = frame
      if (up && message.kind === 'batch') {
        if (Number.isNaN(warmAtMs)) warmAtMs = nowMs + WARM_UP_MS
        waiting.push({ stream: message.stream, sequence: message.sequence, sinceMs: waiting[0]?.sinceMs ?? nowMs })
      }
      if (!up && message.kind === 'ack') {
        const isDone = (one: (typeof waiting)[number]): boolean =>
          one.stream === message.stream && one.sequence < message.next
        for (const one of waiting) if (isDone(one) && one.sinceMs > warmAtMs) times.push(nowMs - one.sinceMs)
        waiting = waiting.filter((one) => !isDone(one))
      }
    }
  }
  return times
}
