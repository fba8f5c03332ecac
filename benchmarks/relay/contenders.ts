import { join } from 'node:path'
import { freePort } from '../kafka/broker.ts'
import { TcpProxy } from '../tcp-proxy.ts'
import { startMirrorMaker } from './mirror-maker.ts'
import { startSite } from './site.ts'
import type { Contender, Sites } from './sites.ts'

/** MirrorMaker 2 writes to the other site's broker: its line leads there. */
export function mirrorMaker({ from, to, topic, folder }: Sites): Contender {
  const { proxy } = to
  return {
    name: 'MirrorMaker 2',
    target: `A.${topic}`,
    start: async () => [startMirrorMaker(folder, from.brokers, `127.0.0.1:${proxy.port}`, topic)],
    line: proxy,
    close: async () => {},
  }
}

/** Two jobs, and a line between them. */
export async function millrace({ from, to, topic, folder }: Sites, intervalMs?: number): Promise<Contender> {
  const port = await freePort()
  const proxy = await TcpProxy.to(port)
  const send = { end: 'send', site: 'north', brokers: from.brokers, topic, target: `127.0.0.1:${proxy.port}` } as const
  const receive = { end: 'receive', site: 'south', brokers: to.brokers, port } as const
  return {
    name: intervalMs === undefined ? 'Millrace' : `Millrace, checkpoints of ${intervalMs / 1_000} s`,
    target: topic,
    start: () =>
      Promise.all([
        startSite({ ...send, dataDir: join(folder, 'north'), intervalMs }),
        startSite({ ...receive, dataDir: join(folder, 'south'), intervalMs }),
      ]),
    line: proxy,
    close: () => proxy.close(),
  }
}
