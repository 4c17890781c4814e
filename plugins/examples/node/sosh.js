// What a plugin for sosh in JavaScript needs. docs/wire.md of sosh is the whole
// contract; here is the part of it that is needed for stream sockets which live in this
// process, connect to any words, and do not listen.
'use strict';
const path = require('path');
const grpc = require('@grpc/grpc-js');
const { proto, Fault, usage, errno, failure } = require('./errors');
const { Socket } = require('./socket');

const versions = [2]; // of the contract
const claimTime = 10000; // ms that a new socket waits for its stream
const maxAddress = 1024; // bytes
const family = 'text'; // of addresses that only the protocol understands

// serve is a plugin's whole program. The protocol has a name, a synopsis, a version,
// options, each perhaps with the values that it takes, and connect({address, options,
// signal}), which returns a Duplex or the promise of one.
function serve(protocol) {
  if (process.env.SOSH_PLUGIN !== 'a socket is a file descriptor') {
    console.error('This is a plugin for sosh, which starts it: sosh plugin install --script FOLDER');
    process.exit(1);
  }
  process.stdin.on('end', () => process.exit(0)).resume(); // sosh has gone
  const server = new grpc.Server();
  server.addService(proto['sosh.plugin.v1.Plugin'], handlers(protocol));
  const file = path.join(process.env.PLUGIN_UNIX_SOCKET_DIR, 'plugin');
  server.bindAsync(`unix:${file}`, grpc.ServerCredentials.createInsecure(), (err) => {
    if (err) throw err;
    console.log(`1|${commonVersion()}|unix|${file}|grpc`);
  });
}

// commonVersion is the highest that sosh speaks too; without one, ours, so that sosh
// can say what is wrong.
function commonVersion() {
  const theirs = (process.env.PLUGIN_PROTOCOL_VERSIONS || '').split(',').map(Number);
  return Math.max(...versions.filter((v) => theirs.includes(v)), 0) || Math.max(...versions);
}

function handlers({ name, synopsis, version, options = [], connect }) {
  const sockets = new Map();
  let last = 0;

  const find = ({ handle }) => {
    if (!sockets.has(handle)) throw errno('ENOTCONN');
    return sockets.get(handle);
  };
  const declared = (word) => {
    const o = options.find((o) => o.name === word);
    if (!o) throw usage(`no option is named "${word}"`);
    return o;
  };
  const set = (values, settings) => {
    for (const { name, value } of settings) {
      const o = declared(name);
      const word = value.toString();
      if (o.values && !o.values.includes(word)) throw usage(`${name} is one of ${o.values.join(', ')}`);
      values[name] = word;
    }
  };
  const ours = (f) => {
    if (f !== '' && f !== family) throw usage(`${name} has no ${f} addresses`);
  };

  const calls = {
    Describe: () => ({
      name, synopsis, version, options, kind: 'stream', address: 'text', held: true,
      calls: ['resolve', 'connect', 'shutdown', 'option'],
    }),
    Resolve(m) {
      ours(m.family);
      if (m.text.length < 1 || m.text.length > maxAddress) throw usage(`an address has 1 to ${maxAddress} bytes`);
      return { addresses: [{ family, path: m.text }] };
    },
    Open(m) {
      ours(m.family);
      const values = Object.fromEntries(options.map((o) => [o.name, o.default]));
      set(values, m.options);
      const s = new Socket(++last, values);
      sockets.set(s.handle, s);
      setTimeout(() => s.streamed || sockets.delete(s.handle), claimTime).unref(); // the answer never came
      return { handle: s.handle, facts: s.facts() };
    },
    async Connect(m, call) {
      const s = find(m.socket);
      if (s.state !== 'open') throw errno(s.state === 'connecting' ? 'EALREADY' : 'EISCONN');
      const given = new AbortController(); // aborted: the user has given it up
      call.on('cancelled', () => given.abort());
      s.state = 'connecting';
      try {
        const duplex = await connect({ address: m.remote.path.toString(), options: s.options, signal: given.signal });
        if (s.state === 'connecting' && !given.signal.aborted) s.connect(duplex, m.remote);
        else duplex.on('error', () => {}).destroy();
      } finally {
        if (s.state === 'connecting') s.state = 'open';
      }
      if (s.state !== 'connected') throw errno('ECONNABORTED');
      return { facts: s.facts() };
    },
    // The end of writing comes through the stream, behind the bytes; that of reading is sosh's.
    Shutdown(m) {
      const s = find(m.socket);
      if (!s.duplex) throw errno('ENOTCONN');
      return { facts: s.facts() };
    },
    Option(m) {
      const s = find(m.socket);
      set(s.options, m.set);
      const values = m.get.map((word) => ({ name: declared(word).name, value: Buffer.from(s.options[word]) }));
      return { values, facts: s.facts() };
    },
    Look: (m) => find(m).facts(),
  };

  const unary = (f) => async (call, reply) => {
    try {
      reply(null, await f(call.request, call));
    } catch (err) {
      reply(failure(err));
    }
  };
  // Stream carries the bytes of one socket for as long as sosh has it open.
  const Stream = async (call) => {
    const messages = call.iterator({ destroyOnReturn: false });
    let s = null;
    try {
      const first = await messages.next();
      const found = find(first.value || {});
      if (found.streamed) throw new Fault('the plugin failed', `the socket ${found.handle} has a stream already`);
      s = found; // from here on it ends with this stream
      await s.carry(call, messages);
      call.end();
    } catch (err) {
      if (s) s.reset();
      if (!call.cancelled) call.emit('error', failure(err)); // gRPC makes a status of it
    }
    if (s) sockets.delete(s.handle);
  };
  return { ...Object.fromEntries(Object.entries(calls).map(([method, f]) => [method, unary(f)])), Stream };
}

module.exports = { serve, Fault };
