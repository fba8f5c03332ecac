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
import { WireFailure } from './wire-failure.ts'
import type { WireReader } from './wire-reader.ts'

/** Reads a Frame. Throws WireFailure. */
export function decodeMessage(reader: WireReader): Message {
  let message: Message | undefined
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        message = only(message, readHello(reader.message('hello')))
        break
      case 2:
        message = only(message, readWelcome(reader.message('welcome')))
        break
      case 3:
        message = only(message, readRefuse(reader.message('refuse')))
        break
      case 4:
        message = only(message, readOpenStream(reader.message('openStream')))
        break
      case 5:
        message = only(message, readStreamOpened(reader.message('streamOpened')))
        break
      case 6:
        message = only(message, readStreamRefused(reader.message('streamRefused')))
        break
      case 7:
        message = only(message, readBatch(reader.message('batch')))
        break
      case 8:
        message = only(message, readAck(reader.message('ack')))
        break
      case 9:
        message = only(message, readPing(reader.message('ping')))
        break
      case 10:
        message = only(message, readPong(reader.message('pong')))
        break
      case 11:
        message = only(message, readGoodbye(reader.message('goodbye')))
        break
      default:
        reader.skip()
    }
  }
  if (message === undefined) throw new WireFailure('PROTOCOL', 'a frame without a message')
  return message
}

function only(before: Message | undefined, message: Message): Message {
  if (before !== undefined) throw new WireFailure('PROTOCOL', 'a frame with two messages')
  return message
}

function readHello(reader: WireReader): Hello {
  let version = 0
  let site = ''
  let sender = ''
  let incarnation: Uint8Array = new Uint8Array(0)
  let session = 0
  const compressions: string[] = []
  let frameBytesMax = 0
  let release = ''
  const tokens: string[] = []
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        version = reader.uint32('Hello.version')
        break
      case 2:
        site = reader.string('Hello.site', 60)
        break
      case 3:
        sender = reader.string('Hello.sender', 300)
        break
      case 4:
        incarnation = reader.bytes('Hello.incarnation', 16)
        break
      case 5:
        session = reader.uint64('Hello.session')
        break
      case 6:
        reader.strings(compressions, 'Hello.compressions', 32, 16)
        break
      case 7:
        frameBytesMax = reader.uint32('Hello.frameBytesMax')
        break
      case 8:
        release = reader.string('Hello.release', 60)
        break
      case 9:
        reader.strings(tokens, 'Hello.tokens', 32, 256)
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'hello', version, site, sender, incarnation, session, compressions, frameBytesMax, release, tokens }
}

function readWelcome(reader: WireReader): Welcome {
  let version = 0
  let site = ''
  const compressions: string[] = []
  let frameBytesMax = 0
  let plainBytesMax = 0
  let heartbeatMs = 0
  let release = ''
  let former: Uint8Array = new Uint8Array(0)
  let token = ''
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        version = reader.uint32('Welcome.version')
        break
      case 2:
        site = reader.string('Welcome.site', 60)
        break
      case 3:
        reader.strings(compressions, 'Welcome.compressions', 32, 16)
        break
      case 4:
        frameBytesMax = reader.uint32('Welcome.frameBytesMax')
        break
      case 5:
        plainBytesMax = reader.uint32('Welcome.plainBytesMax')
        break
      case 6:
        heartbeatMs = reader.uint32('Welcome.heartbeatMs')
        break
      case 7:
        release = reader.string('Welcome.release', 60)
        break
      case 8:
        former = reader.bytes('Welcome.former', 16)
        break
      case 9:
        token = reader.string('Welcome.token', 32)
        break
      default:
        reader.skip()
    }
  }
  return {
    kind: 'welcome',
    version,
    site,
    compressions,
    frameBytesMax,
    plainBytesMax,
    heartbeatMs,
    release,
    former,
    token,
  }
}

function readRefuse(reader: WireReader): Refuse {
  let code = ''
  let reason = ''
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        code = reader.string('Refuse.code', 40)
        break
      case 2:
        reason = reader.string('Refuse.reason', 1000)
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'refuse', code, reason }
}

function readOpenStream(reader: WireReader): OpenStream {
  let stream = 0
  let name = ''
  let codec = ''
  let first = 0
  let next = 0
  let acked = 0
  let common = 0
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        stream = reader.uint32('OpenStream.stream')
        break
      case 2:
        name = reader.string('OpenStream.name', 300)
        break
      case 3:
        codec = reader.string('OpenStream.codec', 100)
        break
      case 4:
        first = reader.uint64('OpenStream.first')
        break
      case 5:
        next = reader.uint64('OpenStream.next')
        break
      case 6:
        acked = reader.uint64('OpenStream.acked')
        break
      case 7:
        common = reader.uint64('OpenStream.common')
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'openStream', stream, name, codec, first, next, acked, common }
}

function readStreamOpened(reader: WireReader): StreamOpened {
  let stream = 0
  let next = 0
  let credit = 0
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        stream = reader.uint32('StreamOpened.stream')
        break
      case 2:
        next = reader.uint64('StreamOpened.next')
        break
      case 3:
        credit = reader.uint64('StreamOpened.credit')
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'streamOpened', stream, next, credit }
}

function readStreamRefused(reader: WireReader): StreamRefused {
  let stream = 0
  let code = ''
  let reason = ''
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        stream = reader.uint32('StreamRefused.stream')
        break
      case 2:
        code = reader.string('StreamRefused.code', 40)
        break
      case 3:
        reason = reader.string('StreamRefused.reason', 1000)
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'streamRefused', stream, code, reason }
}

function readBatch(reader: WireReader): Batch {
  let stream = 0
  let sequence = 0
  let firstRecord = 0
  let count = 0
  let atMs = 0
  let compression = ''
  let plainBytes = 0
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        stream = reader.uint32('Batch.stream')
        break
      case 2:
        sequence = reader.uint64('Batch.sequence')
        break
      case 3:
        firstRecord = reader.uint64('Batch.firstRecord')
        break
      case 4:
        count = reader.uint32('Batch.count')
        break
      case 5:
        atMs = reader.uint64('Batch.atMs')
        break
      case 6:
        compression = reader.string('Batch.compression', 32)
        break
      case 7:
        plainBytes = reader.uint32('Batch.plainBytes')
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'batch', stream, sequence, firstRecord, count, atMs, compression, plainBytes }
}

function readAck(reader: WireReader): Ack {
  let stream = 0
  let next = 0
  let credit = 0
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        stream = reader.uint32('Ack.stream')
        break
      case 2:
        next = reader.uint64('Ack.next')
        break
      case 3:
        credit = reader.uint64('Ack.credit')
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'ack', stream, next, credit }
}

function readPing(reader: WireReader): Ping {
  let nonce = 0
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        nonce = reader.uint64('Ping.nonce')
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'ping', nonce }
}

function readPong(reader: WireReader): Pong {
  let nonce = 0
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        nonce = reader.uint64('Pong.nonce')
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'pong', nonce }
}

function readGoodbye(reader: WireReader): Goodbye {
  let code = ''
  let reason = ''
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
      case 1:
        code = reader.string('Goodbye.code', 40)
        break
      case 2:
        reason = reader.string('Goodbye.reason', 1000)
        break
      default:
        reader.skip()
    }
  }
  return { kind: 'goodbye', code, reason }
}
