// Reads `secret t body header` lines, checks the header, and signs anew: with the code
// that Stripe's users verify and test with.

import { createInterface } from "node:readline";
import Stripe from "stripe";

const webhooks = new Stripe("sk_test_of_nobody").webhooks;
const out = [];
for await (const line of createInterface({ input: process.stdin })) {
  const [secretHex, t, bodyHex, header] = line.split(" ");
  const secret = Buffer.from(secretHex, "hex").toString("utf8");
  const payload = Buffer.from(bodyHex, "hex").toString("utf8");
  // Throws unless the signature is right; a tolerance of 0 is none.
  webhooks.signature.verifyHeader(payload, header, secret, 0);
  out.push(webhooks.generateTestHeaderString({ payload, secret, timestamp: Number(t) }));
}
process.stdout.write(out.join("\n") + "\n");
