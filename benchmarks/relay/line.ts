import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../kafka/broker.ts'
import { TcpProxy } from '../tcp-proxy.ts'
import { cpuSeconds, peakMb, startModule } from './processes.ts'

/** What goes over a line between two jobs, without Kafka. */
export interface LineWork {
  /** kilobytes: Buffers of 1 KiB. rows: objects, 200 bytes as JSON. */
  readonly kind: 'kilobytes' | 'rows'
  readonly records: number
  /** Undefined: as fast as it goes. */
  readonly perSecond?: number
  readonly batchBytes?: number
  readonly compression?: 'auto' | 'none' | 'snappy'
  /** Of the sender's checkpoints: what it sends is what they hold. */
  readonly intervalMs: number
}

/** What a process of ours at an end of the line does. */
export interface LineEndWork extends LineWork {
  readonly end: 'send' | 'receive'
  readonly port: number
  readonly dataDir: string
}

/** What a process says when it is done. */
export interface LineEndResult {
  /** Ms since 1970: of the first record made, or the last one received. */
  readonly atMs: number
  readonly payloadBytes: number
}

export interface LineResult {
  readonly records: number
  readonly payloadBytes: number
  /** From the first record made to the last one received. */
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMb: readonly number[]
}

/** Runs it between two fresh processes. `watch` is given the line before anything passes. */
export async function performLine(work: LineWork, watch: (line: TcpProxy) => void = () => {}): Promise<LineResult> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-line-'))
  const port = await freePort()
  const line = await TcpProxy.to(port)
  watch(line)
  const receiver = startModule('receiver', 'line-main.ts', {
    ...work,
    end: 'receive',
    port,
    dataDir: join(folder, 'to'),
  })
  await receiver.said('running\n')
  const sender = startModule('sender', 'line-main.ts', {
    ...work,
    end: 'send',
    port: line.port,
    dataDir: join(folder, 'from'),
  })
  const both = [sender, receiver]
  try {
    await Promise.all(both.map((one) => one.said('"atMs"')))
    const [sent, received] = both.map(({ output }) => resultIn(output())) as [LineEndResult, LineEndResult]
    return {
      records: work.records,
      payloadBytes: received.payloadBytes,
      seconds: (received.atMs - sent.atMs) / 1_000,
      cpuSeconds: both.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
      peakMb: both.map(({ pid }) => peakMb(pid)),
    }
  } finally {
    await Promise.all(both.map((one) => one.end()))
    await line.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function resultIn(output: string): LineEndResult {
  return JSON.parse(output.split('\n').find((line) => line.includes('"atMs"')) ?? '{}') as LineEndResult
}
