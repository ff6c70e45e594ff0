// The server of npm's smtp-server. Arguments: PEM file, user name, password, the recipient that it refuses.
// Prints its port, then each message that it takes as one line of JSON.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const [pem, username, password, nobody] = process.argv.slice(2);
const said = (code, text) => Object.assign(new Error(text), { responseCode: code });
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const server = new SMTPServer({
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
});
server.on('error', (error) => console.error(error.message)); // a client that hangs up; unheard it would end the server
server.listen(0, '127.0.0.1', () => print({ port: server.server.address().port }));
