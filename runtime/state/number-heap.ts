/** Numbers, smallest first, as a binary heap. Any of them may be there several times. */
export class NumberHeap {
  #numbers: number[] = []

  get size(): number {
    return this.#numbers.length
  }

  get min(): number | undefined {
    return this.#numbers[0]
  }

  clear(): void {
    this.#numbers = []
  }

  push(number: number): void {
    const heap = this.#numbers
    let at = heap.length
    heap.push(number)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if ((heap[parent] as number) <= number) break
      heap[at] = heap[parent] as number
      at = parent
    }
    heap[at] = number
  }

  /** Takes the smallest one out. */
  pop(): void {
    const heap = this.#numbers
    const moving = heap.pop()
    if (moving === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child += 1
      if ((heap[child] as number) >= moving) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = moving
  }
}
