// Mailbox: how the world reaches a task. Outside events only post; the task's loop takes and runs them between batches.
//
// Owns: the mails not yet run; the loop's sleep.
//
// I1. Mails run one at a time, in the order posted.
// I2. After wake() or post() the next sleep ends at once: no wake-up is lost between looking and sleeping.

import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { Pending } from '../channel/channel.ts'
import { Ring } from '../channel/ring.ts'

export type Mail = () => Pending

/** Posted from anywhere, taken by one loop. */
export class Mailbox {
  readonly #mails: Ring<Mail>
  #awake = false
  #sleeping: Deferred | undefined

  /** Mails are control, a few per checkpoint and split: more than `mailsMax` at once is a bug. */
  constructor(mailsMax: number) {
    this.#mails = new Ring(mailsMax)
  }

  get empty(): boolean {
    return this.#mails.size === 0
  }

  post(mail: Mail): void {
    this.#mails.push(mail)
    this.wake()
  }

  take(): Mail | undefined {
    return this.#mails.shift()
  }

  /** Ends the present or the next sleep. */
  wake(): void {
    this.#awake = true
    this.#sleeping?.resolve()
    this.#sleeping = undefined
  }

  /** Resolves at the next wake(); undefined if there was one since the last sleep. */
  sleep(): Pending {
    if (this.#awake) {
      this.#awake = false
      return undefined
    }
    this.#sleeping ??= deferred()
    return this.#sleeping.promise.then(() => {
      this.#awake = false
    })
  }
}
