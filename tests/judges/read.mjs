// Reads each message file named on stdin with mailparser; prints what it saw as one JSON array.
import { readFile } from 'node:fs/promises';
import { simpleParser } from 'mailparser';

let input = '';
for await (const chunk of process.stdin) input += chunk;

const unfolded = (mail, key) =>
  mail.headerLines.filter((line) => line.key === key).map((line) => line.line.replace(/\r?\n(?=[ \t])/g, ''));

const seen = [];
for (const path of input.split('\n').filter(Boolean)) {
  const mail = await simpleParser(await readFile(path), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    keepCidLinks: true,
  });
  seen.push({
    subject: mail.subject,
    from: mail.from.value.map(({ name, address }) => [name, address]),
    to: mail.to.value.map(({ address }) => address),
    text: mail.text ?? '',
    html: mail.html || '',
    unsubscribe: unfolded(mail, 'list-unsubscribe'),
    headers: mail.headerLines.map((line) => line.key),
    pictures: mail.attachments.map((a) => [a.cid, a.contentType, a.contentDisposition, a.checksum]),
  });
}
process.stdout.write(JSON.stringify(seen));
