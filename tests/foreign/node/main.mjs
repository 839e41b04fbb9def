// Reads a delivery in each line, as JSON. Accepts it and refuses its forgeries, with the code that the
// sender's users verify with, or fails. Writes the package's own signature, or that of the documented rule
// where the package only verifies.

import { createInterface } from "node:readline";

import { packages } from "./packages.mjs";

const text = (hex) => Buffer.from(hex, "hex").toString("utf8");

// Why the package refuses a delivery, or nothing if it accepts it.
async function refusal(sender, delivery) {
  try {
    return (await sender.verify(delivery)) === false ? new Error("no match") : undefined;
  } catch (error) {
    return error;
  }
}

async function check(sender, delivery, forgedBody, forgedHeaders) {
  const cause = await refusal(sender, delivery);
  if (cause) throw new Error("refused", { cause });
  const forgeries = forgedHeaders.map((headers) => ({ ...delivery, headers }));
  for (const forgery of [{ ...delivery, body: forgedBody }, ...forgeries]) {
    if (!(await refusal(sender, forgery))) {
      throw new Error(`a forgery is accepted: ${JSON.stringify(forgery)}`);
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const sender = packages[question.package];
  const { secret, id, time, headers } = question;
  const delivery = { secret, id, time, headers, body: text(question.body) };
  // Some packages take the time from the clock alone.
  Date.now = () => time * 1000;
  try {
    await check(sender, delivery, text(question.forged_body), question.forged_headers);
    process.stdout.write(`${await sender.sign(delivery)}\n`);
  } catch (error) {
    console.error(question.package, line);
    throw error;
  }
}
