import { type FileHandle, open } from 'node:fs/promises'

/** Every sync of a file's data in this thread takes so much longer. */
export async function slowDisk(extraMs: number): Promise<void> {
  const file = await open(process.execPath)
  const handles = Object.getPrototypeOf(file) as FileHandle
  await file.close()
  const { datasync } = handles
  handles.datasync = async function (this: FileHandle): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, extraMs))
    return datasync.call(this)
  }
}
