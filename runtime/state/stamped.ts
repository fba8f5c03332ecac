/** A value of a state with time to live, and when its life began. */
export class Stamped {
  value: unknown
  atMs: number

  constructor(value: unknown, atMs: number) {
    this.value = value
    this.atMs = atMs
  }
}

/** Time to live of one state: judges and stamps. */
export class Ttl {
  readonly refreshOnRead: boolean
  readonly #ttlMs: number
  readonly #now: () => number

  constructor(ttl: { readonly ttlMs: number; readonly refresh?: 'write' | 'read' }, now: () => number) {
    this.#ttlMs = ttl.ttlMs
    this.refreshOnRead = ttl.refresh === 'read'
    this.#now = now
  }

  stamp(value: unknown): Stamped {
    return new Stamped(value, this.#now())
  }

  refresh(stamped: Stamped): void {
    stamped.atMs = this.#now()
  }

  alive(stamped: Stamped): boolean {
    return this.#now() - stamped.atMs < this.#ttlMs
  }
}
