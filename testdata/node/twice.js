// twice asks a plugin beside it for two streams of one socket, and prints how each ends.
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const { proto } = require('./errors');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'twice-'));
const env = { ...process.env, SOSH_PLUGIN: 'a socket is a file descriptor', PLUGIN_PROTOCOL_VERSIONS: '2', PLUGIN_UNIX_SOCKET_DIR: dir };
const plugin = spawn(path.join(__dirname, 'sosh-plugin-nodeshout'), { env, stdio: ['pipe', 'pipe', 'inherit'] });
plugin.on('exit', () => fs.rmSync(dir, { recursive: true }));
plugin.stdout.once('data', async (line) => {
  const Client = grpc.makeClientConstructor(proto['sosh.plugin.v1.Plugin'], 'Plugin');
  const client = new Client(`unix:${String(line).split('|')[3]}`, grpc.credentials.createInsecure());
  const ask = (method, m) => new Promise((yes, no) => client[method](m, (err, answer) => (err ? no(err) : yes(answer))));
  const { handle } = await ask('Open', {});
  const stream = () => {
    const s = client.Stream();
    s.write({ handle });
    return s;
  };
  const first = stream();
  let came = '';
  await new Promise((resolve) => first.once('data', resolve));
  await ask('Connect', { socket: { handle }, remote: { family: 'text', path: Buffer.from('x') } });
  first.on('data', (m) => {
    if (m.what !== 'data') return;
    came += m.data;
    if (came.length < 11) return;
    console.log(`first: ${came}`);
    first.write({ close: true });
    first.end();
  });
  first.on('error', (err) => console.log(`first: ${err.message}`));
  first.on('end', () => {
    client.close();
    plugin.stdin.end();
  });
  const second = stream();
  second.on('data', () => {
    console.log('second: it is taken');
    process.exit(1);
  });
  second.on('error', (err) => {
    console.log(`second: ${err.details}`);
    first.write({ data: Buffer.from('still there') });
  });
});
