import type { Link } from './messages.ts'

/**
 * Two ends within one thread. Messages are delivered in order, never during post(), and cloned as between threads,
 * so that no object is shared; what is transferred stays as it is.
 */
export function linkPair<A, B>(): [Link<A, B>, Link<B, A>] {
  const toA = new Queue<B>()
  const toB = new Queue<A>()
  return [endOf(toB, toA), endOf(toA, toB)]
}

class Queue<T> {
  #messages: T[] = []
  #handler: ((message: T) => void) | undefined
  #scheduled = false
  #closed = false

  push(message: T): void {
    if (this.#closed) return
    this.#messages.push(message)
    this.#schedule()
  }

  handle(handler: (message: T) => void): void {
    this.#handler = handler
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#messages = []
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined || this.#messages.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const messages = this.#messages
      this.#messages = []
      for (const message of messages) if (!this.#closed) this.#handler?.(message)
    })
  }
}

function endOf<Send, Receive>(out: Queue<Send>, into: Queue<Receive>): Link<Send, Receive> {
  return {
    post: (message, transfer = []) => out.push(transfer.length > 0 ? message : structuredClone(message)),
    onMessage: (handler) => into.handle(handler),
    close: () => {
      into.close()
      out.close()
    },
  }
}
