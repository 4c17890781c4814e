// A socket: a stream.Duplex whose bytes a gRPC stream carries.
'use strict';
const { Fault, toError } = require('./errors');

const maxData = 64 << 10; // bytes in one message

// either resolves at the first of some events.
const either = (emitter, ...events) =>
  new Promise((resolve) => {
    const done = () => resolve(events.forEach((e) => emitter.off(e, done)));
    events.forEach((e) => emitter.on(e, done));
  });

// Socket is one socket, from Open until its stream has ended.
class Socket {
  constructor(handle, options) {
    Object.assign(this, { handle, options, remote: null, duplex: null, state: 'open', order: 0, moved: 0, streamed: false });
    this.begun = new Promise((resolve) => (this.begin = resolve)); // the Duplex; null: there will be none
  }

  // facts are what sosh shows of the socket: the later, the higher the order. While
  // moved grows a close makes progress.
  facts() {
    const { remote, state, moved } = this;
    return { remote, state, moved, order: ++this.order };
  }

  connect(duplex, remote) {
    Object.assign(this, { duplex, remote, state: 'connected' });
    this.begin(duplex);
  }

  // carry moves bytes both ways until sosh has closed the socket, and resolves when all
  // that was written is out. A cancelled call means a reset.
  async carry(call, messages) {
    this.streamed = true;
    call.on('cancelled', () => this.reset());
    call.write({ facts: this.facts() });
    this.begun.then((duplex) => duplex && this.give(duplex, call));
    for await (const m of messages) {
      const duplex = await this.begun;
      if (!duplex || m.what === 'close') break;
      if (m.what === 'end') duplex.end();
      if (m.what === 'data' && duplex.writable) {
        if (!duplex.write(m.data)) await either(duplex, 'drain', 'close');
        this.moved += m.data.length;
      }
    }
    if (this.duplex) await this.close(this.duplex);
  }

  // give passes on what comes in, no faster than sosh takes it, and then why it ended.
  give(duplex, call) {
    let told; // undefined: nothing yet; null: an orderly end, after which a reset is news
    const tell = (err) => {
      if (told || (told === null && !err)) return;
      told = err;
      call.write({ finish: { error: err && toError(err) }, facts: this.facts() });
    };
    duplex.on('data', (bytes) => {
      let room = true;
      for (let at = 0; at < bytes.length; at += maxData) room = call.write({ data: bytes.subarray(at, at + maxData) });
      if (room) return;
      duplex.pause();
      call.once('drain', () => duplex.resume());
    });
    duplex.on('end', () => tell(null));
    duplex.on('error', tell);
    duplex.on('close', () => told === undefined && tell(new Fault('connection reset by peer')));
  }

  async close(duplex) {
    duplex.removeAllListeners('data').resume(); // what still comes in is nobody's
    duplex.end();
    if (!duplex.writableFinished && !duplex.destroyed) await either(duplex, 'finish', 'close');
    duplex.destroy();
  }

  // reset ends it without order: what is not yet out is lost, and the peer is told so.
  reset() {
    this.state = 'closed';
    this.begin(null);
    if (this.duplex) this.duplex.resetAndDestroy ? this.duplex.resetAndDestroy() : this.duplex.destroy();
  }
}

module.exports = { Socket };
