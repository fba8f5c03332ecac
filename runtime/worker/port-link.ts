import type { MessagePort, TransferListItem, Worker } from 'node:worker_threads'
import type { Link } from './messages.ts'

/** A link over a thread's port, or over the Worker that holds its other end. */
export function portLink<Send, Receive>(port: MessagePort | Worker): Link<Send, Receive> {
  return {
    post: (message, transfer = []) => port.postMessage(message, transfer as TransferListItem[]),
    onMessage: (handler) => {
      port.on('message', handler)
    },
    close: () => {
      port.removeAllListeners('message')
    },
  }
}
