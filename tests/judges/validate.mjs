// html-validate reads pages: in, one JSON object a line {html, off: rules}; out, for each the list of "rule: what (line)".
import { HtmlValidate } from "html-validate";
import { createInterface } from "node:readline";

const judges = new Map();
const out = [];
for await (const line of createInterface({ input: process.stdin })) {
  const { html, off } = JSON.parse(line);
  const key = off.join();
  if (!judges.has(key))
    judges.set(key, new HtmlValidate({ root: true, extends: ["html-validate:recommended"], rules: Object.fromEntries(off.map(rule => [rule, "off"])) }));
  const report = await judges.get(key).validateString(html);
  out.push(report.results.flatMap(r => r.messages.map(m => `${m.ruleId}: ${m.message} (${m.selector ?? ""} ${m.line}:${m.column})`)));
}
console.log(JSON.stringify(out));
