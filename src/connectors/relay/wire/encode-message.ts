// Made by `npm run house:update` from relay.proto: change that.

import type {
  Ack,
  Batch,
  Goodbye,
  Hello,
  Message,
  OpenStream,
  Ping,
  Pong,
  Refuse,
  StreamOpened,
  StreamRefused,
  Welcome,
} from './messages.ts'
import type { WireWriter } from './wire-writer.ts'

/** Writes a message as the member of Frame that it is. Throws WireFailure. */
export function encodeMessage(writer: WireWriter, message: Message): void {
  switch (message.kind) {
    case 'hello':
      writeHello(writer, message)
      return writer.wrap(1)
    case 'welcome':
      writeWelcome(writer, message)
      return writer.wrap(2)
    case 'refuse':
      writeRefuse(writer, message)
      return writer.wrap(3)
    case 'openStream':
      writeOpenStream(writer, message)
      return writer.wrap(4)
    case 'streamOpened':
      writeStreamOpened(writer, message)
      return writer.wrap(5)
    case 'streamRefused':
      writeStreamRefused(writer, message)
      return writer.wrap(6)
    case 'batch':
      writeBatch(writer, message)
      return writer.wrap(7)
    case 'ack':
      writeAck(writer, message)
      return writer.wrap(8)
    case 'ping':
      writePing(writer, message)
      return writer.wrap(9)
    case 'pong':
      writePong(writer, message)
      return writer.wrap(10)
    case 'goodbye':
      writeGoodbye(writer, message)
      return writer.wrap(11)
  }
}

function writeHello(writer: WireWriter, message: Hello): void {
  writer.uint32(1, message.version, 'Hello.version')
  writer.string(2, message.site, 'Hello.site', 60)
  writer.string(3, message.sender, 'Hello.sender', 300)
  writer.bytes(4, message.incarnation, 'Hello.incarnation', 16)
  writer.uint64(5, message.session, 'Hello.session')
  writer.strings(6, message.compressions, 'Hello.compressions', 32, 16)
  writer.uint32(7, message.frameBytesMax, 'Hello.frameBytesMax')
  writer.string(8, message.release, 'Hello.release', 60)
  writer.strings(9, message.tokens, 'Hello.tokens', 32, 256)
}

function writeWelcome(writer: WireWriter, message: Welcome): void {
  writer.uint32(1, message.version, 'Welcome.version')
  writer.string(2, message.site, 'Welcome.site', 60)
  writer.strings(3, message.compressions, 'Welcome.compressions', 32, 16)
  writer.uint32(4, message.frameBytesMax, 'Welcome.frameBytesMax')
  writer.uint32(5, message.plainBytesMax, 'Welcome.plainBytesMax')
  writer.uint32(6, message.heartbeatMs, 'Welcome.heartbeatMs')
  writer.string(7, message.release, 'Welcome.release', 60)
  writer.bytes(8, message.former, 'Welcome.former', 16)
  writer.string(9, message.token, 'Welcome.token', 32)
}

function writeRefuse(writer: WireWriter, message: Refuse): void {
  writer.string(1, message.code, 'Refuse.code', 40)
  writer.string(2, message.reason, 'Refuse.reason', 1000)
}

function writeOpenStream(writer: WireWriter, message: OpenStream): void {
  writer.uint32(1, message.stream, 'OpenStream.stream')
  writer.string(2, message.name, 'OpenStream.name', 300)
  writer.string(3, message.codec, 'OpenStream.codec', 100)
  writer.uint64(4, message.first, 'OpenStream.first')
  writer.uint64(5, message.next, 'OpenStream.next')
  writer.uint64(6, message.acked, 'OpenStream.acked')
  writer.uint64(7, message.common, 'OpenStream.common')
}

function writeStreamOpened(writer: WireWriter, message: StreamOpened): void {
  writer.uint32(1, message.stream, 'StreamOpened.stream')
  writer.uint64(2, message.next, 'StreamOpened.next')
  writer.uint64(3, message.credit, 'StreamOpened.credit')
}

function writeStreamRefused(writer: WireWriter, message: StreamRefused): void {
  writer.uint32(1, message.stream, 'StreamRefused.stream')
  writer.string(2, message.code, 'StreamRefused.code', 40)
  writer.string(3, message.reason, 'StreamRefused.reason', 1000)
}

function writeBatch(writer: WireWriter, message: Batch): void {
  writer.uint32(1, message.stream, 'Batch.stream')
  writer.uint64(2, message.sequence, 'Batch.sequence')
  writer.uint64(3, message.firstRecord, 'Batch.firstRecord')
  writer.uint32(4, message.count, 'Batch.count')
  writer.uint64(5, message.atMs, 'Batch.atMs')
  writer.string(6, message.compression, 'Batch.compression', 32)
  writer.uint32(7, message.plainBytes, 'Batch.plainBytes')
}

function writeAck(writer: WireWriter, message: Ack): void {
  writer.uint32(1, message.stream, 'Ack.stream')
  writer.uint64(2, message.next, 'Ack.next')
  writer.uint64(3, message.credit, 'Ack.credit')
}

function writePing(writer: WireWriter, message: Ping): void {
  writer.uint64(1, message.nonce, 'Ping.nonce')
}

function writePong(writer: WireWriter, message: Pong): void {
  writer.uint64(1, message.nonce, 'Pong.nonce')
}

function writeGoodbye(writer: WireWriter, message: Goodbye): void {
  writer.string(1, message.code, 'Goodbye.code', 40)
  writer.string(2, message.reason, 'Goodbye.reason', 1000)
}
