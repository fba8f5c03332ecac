// AlignmentGroups: how far the slowest source of each group has come. Pure.
//
// Owns: the last report of every member. Does not own: who is held back (task/source-alignment), when this is published (attempt).
//
// I1. Every member has reported once before anything is read: nobody runs ahead of one that is not known yet.
// I2. Those that report Infinity (idle, ended) hold nobody back.

import type { AlignmentReport, GroupProgress } from '../worker/messages.ts'

/** Fed with reports. */
export class AlignmentGroups {
  readonly #groups = new Map<string, Map<string, number>>()
  readonly #published = new Map<string, number>()

  report({ group, node, subtask, reached }: AlignmentReport): void {
    const members = this.#groups.get(group) ?? new Map<string, number>()
    this.#groups.set(group, members.set(`${node}#${subtask}`, reached))
  }

  /** The groups whose slowest has changed since the last call. */
  takeChanged(): readonly GroupProgress[] {
    const changed: GroupProgress[] = []
    for (const [group, members] of this.#groups) {
      const least = Math.min(...members.values())
      if (least === this.#published.get(group)) continue
      this.#published.set(group, least)
      changed.push({ group, least })
    }
    return changed
  }
}
