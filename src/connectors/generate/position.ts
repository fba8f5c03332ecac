import type { SourceSplit } from '../../contract/source-function.ts'

/** Every `stride`-th record from `next` on: a part of the whole, standing where it is. */
export interface GenerateSplit extends SourceSplit {
  /** The index of the next record. */
  readonly next: number
  readonly stride: number
}

/** Parts 0 to splits - 1 at their beginnings. */
export function generateSplits(splits: number): GenerateSplit[] {
  return Array.from({ length: splits }, (_, part) => ({ id: `part-${part}`, next: part, stride: splits }))
}
