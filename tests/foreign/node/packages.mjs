// The packages: each verifies a delivery, by an error or `false`, and signs one.

import { createHmac } from "node:crypto";

import * as octokit from "@octokit/webhooks-methods";
import "@shopify/shopify-api/adapters/web-api";
import { shopifyApi } from "@shopify/shopify-api";
import bolt from "@slack/bolt";
import * as standardwebhooks from "standardwebhooks";
import Stripe from "stripe";
import * as svix from "svix";

const hmac = (secret, data, encoding) =>
  createHmac("sha256", secret).update(data).digest(encoding);

const stripe = new Stripe("sk_test_of_nobody").webhooks;

const ofStripe = {
  // A tolerance of 0 is none.
  verify: ({ secret, headers, body }) =>
    stripe.signature.verifyHeader(body, headers["stripe-signature"], secret, 0),
  sign: ({ secret, time, body }) =>
    stripe.generateTestHeaderString({ payload: body, secret, timestamp: time }),
};

const ofGitHub = {
  verify: ({ secret, headers, body }) =>
    octokit.verify(secret, body, headers["x-hub-signature-256"]),
  sign: ({ secret, body }) => octokit.sign(secret, body),
};

// They return the parsed body, which may be any JSON.
const standard = ({ Webhook }) => ({
  verify: ({ secret, headers, body }) => {
    new Webhook(secret).verify(body, headers);
  },
  sign: ({ secret, id, time, body }) =>
    new Webhook(secret).sign(id, new Date(time * 1000), body),
});

const ofSlack = {
  verify: ({ secret, headers, body }) =>
    bolt.verifySlackRequest({ signingSecret: secret, headers, body }),
  sign: ({ secret, time, body }) => `v0=${hmac(secret, `v0:${time}:${body}`, "hex")}`,
};

const shopify = shopifyApi({
  apiKey: "nobody",
  apiSecretKey: "replaced for each delivery",
  apiVersion: "2025-01",
  hostName: "shop.example",
  isEmbeddedApp: false,
  logger: { level: 0 },
});

const ofShopify = {
  verify: async ({ secret, headers, body }) => {
    shopify.config.apiSecretKey = secret;
    const rawRequest = new Request("https://shop.example", {
      method: "POST",
      headers: {
        ...headers,
        "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": "shop.myshopify.com",
        "x-shopify-api-version": "2025-01",
      },
    });
    const { valid } = await shopify.webhooks.validate({ rawBody: body, rawRequest });
    return valid;
  },
  sign: ({ secret, body }) => hmac(secret, body, "base64"),
};

export const packages = {
  stripe: ofStripe,
  "@octokit/webhooks-methods": ofGitHub,
  svix: standard(svix),
  standardwebhooks: standard(standardwebhooks),
  "@slack/bolt": ofSlack,
  "@shopify/shopify-api": ofShopify,
};
