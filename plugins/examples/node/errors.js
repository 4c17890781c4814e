// How an error keeps its identity on its way to sosh.
'use strict';
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const proto = loader.loadSync(['sosh.proto', 'status.proto'], {
  includeDirs: [__dirname],
  keepCase: true,
  longs: Number,
  defaults: true,
  oneofs: true,
});
const maxText = 1024; // bytes of an error's text

// A Fault is an error with one of the contract's words for what is wrong.
class Fault extends Error {
  constructor(fault, text) {
    super(text || fault);
    this.fault = fault;
  }
}
const usage = (text) => new Fault('wrong usage', text);

// errno is an error like those of Node.js itself, by the errno's name.
const errno = (code) => Object.assign(new Error(code), { code });

// toError makes a message Error. What is neither a Fault nor the system's error is a
// mistake in this program, which sosh's log should show in full.
function toError(err) {
  const system = /^E[A-Z0-9]+$/.test(err.code) ? err.code : '';
  if (!err.fault && !system) console.error(err);
  const gone = system === 'ECONNRESET' || system === 'EPIPE';
  const fault = err.fault || (gone ? 'connection reset by peer' : system ? '' : 'the plugin failed');
  return { text: Buffer.from(String(err.message)).subarray(0, maxText), fault, errno: system };
}

// failure is the gRPC status of a failed call.
function failure(err) {
  const status = { code: grpc.status.ABORTED, message: String(err.message).slice(0, maxText / 4) };
  const value = proto['sosh.plugin.v1.Failure'].serialize({ error: toError(err) });
  const details = [{ type_url: 'type.googleapis.com/sosh.plugin.v1.Failure', value }];
  const metadata = new grpc.Metadata();
  metadata.set('grpc-status-details-bin', proto['google.rpc.Status'].serialize({ ...status, details }));
  return { code: status.code, details: status.message, metadata };
}

module.exports = { proto, Fault, usage, errno, toError, failure };
