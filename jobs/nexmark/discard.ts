import { UpsertSinkFunction } from 'millrace'

/** Takes records and keeps nothing: for measuring what comes before. */
export class Discard extends UpsertSinkFunction<unknown> {
  override write(): void {}
  override flush(): void {}
}
