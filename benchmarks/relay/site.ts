import { type Running, startModule } from './processes.ts'

interface AnyEnd {
  readonly site: string
  readonly brokers: string
  readonly dataDir: string
  /** Of checkpoints; undefined: the default. */
  readonly intervalMs: number | undefined
}

/** What a site of ours does. */
export type SiteWork = AnyEnd &
  (
    | { readonly end: 'send'; readonly topic: string; readonly target: string }
    | { readonly end: 'receive'; readonly port: number }
  )

/** Starts an end; it has said `running` when its tasks run. */
export async function startSite(work: SiteWork): Promise<Running> {
  const running = startModule(`Millrace, ${work.end}`, 'site-main.ts', work)
  await running.said('running\n')
  return running
}
