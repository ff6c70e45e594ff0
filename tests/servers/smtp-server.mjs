// The server of npm's smtp-server. Arguments: PEM file, user name, password, the recipient that it refuses.
// Prints its ports, then each message that it takes as one line of JSON.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const [pem, username, password, nobody] = process.argv.slice(2);
const said = (code, text) => Object.assign(new Error(text), { responseCode: code });
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const options = {
  name: 'javascript.example',
  key: readFileSync(pem),
  cert: readFileSync(pem),
  disableReverseLookup: true,
  authMethods: ['PLAIN', 'LOGIN'],
  onAuth: (auth, session, done) =>
    auth.username === username && auth.password === password ? done(null, { user: username }) : done(said(535, 'wrong name or password')),
  onRcptTo: ({ address }, session, done) => done(address === nobody ? said(550, 'no such person') : null),
  onData: (stream, session, done) => {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope;
      print({ from: mailFrom.address, to: rcptTo.map((each) => each.address), content: Buffer.concat(pieces).toString('base64') });
      done();
    });
  },
};

const listening = (secure) =>
  new Promise((done) => {
    const server = new SMTPServer({ ...options, secure });
    server.on('error', (error) => console.error(error.message)); // a client that hangs up; unheard it would end the server
    server.listen(0, '127.0.0.1', () => done(server.server.address().port));
  });
print({ starttls: await listening(false), implicit: await listening(true) });
