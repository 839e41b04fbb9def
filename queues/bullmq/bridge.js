// Takes entries from the receiver's stream and adds each to a BullMQ queue in the same Redis.
//
//     npm install && REDIS_URL=redis://127.0.0.1:6380 SCOPE=tickets QUEUE=tickets node bridge.js
//
// Run it in the place of the Rust worker. An entry is acknowledged only when BullMQ has the job: after a
// crash in between it is added again, and BullMQ ignores a job whose id it has.
'use strict';

const { randomUUID } = require('node:crypto');
const { Queue } = require('bullmq');
const Redis = require('ioredis');

const url = process.env.REDIS_URL || 'redis://127.0.0.1:6380';
const stream = `{${process.env.SCOPE || 'tickets'}}:queue`;
const [group, member] = ['workers', randomUUID()];
// As long as a crashed bridge's entries wait. A job's id must be remembered for longer.
const silence = Number(process.env.CLAIM_AFTER_MS || 60_000);
const options = {
  attempts: 14,
  backoff: { type: 'exponential', delay: 10_000 },
  removeOnComplete: { age: 3_600 },
  removeOnFail: { age: 14 * 24 * 3_600 },
};

const redis = new Redis(url);
const reader = redis.duplicate(); // For the blocking read alone.
const queue = new Queue(process.env.QUEUE || 'tickets', { connection: redis.duplicate() });
for (const client of [redis, reader, queue]) {
  client.on('error', (error) => console.error(error.message));
}

// No colon, which BullMQ does not allow, and no integer. Events, deliveries and parts are apart.
function jobId({ id, dedupe_key, position }) {
  const kind = dedupe_key === 'event_id' ? 'e' : position === undefined ? 'd' : `p${position}`;
  return `${kind}-${encodeURIComponent(id)}`;
}

function readable(json) {
  try {
    const envelope = JSON.parse(json);
    return envelope.version === 1 && envelope.is_event ? envelope : undefined;
  } catch {
    return undefined;
  }
}

async function take(id, fields) {
  const at = fields.findIndex((field, index) => index % 2 === 0 && field === 'envelope');
  const envelope = at < 0 ? undefined : readable(fields[at + 1]);
  const end = redis.multi();
  if (envelope) {
    await queue.add(envelope.event_type || 'event', envelope, { ...options, jobId: jobId(envelope) });
  } else {
    end.xadd(`${stream}:dead`, '*', 'dead_reason', 'unreadable', 'dead_attempts', 0, ...fields);
  }
  await end.xack(stream, group, id).xdel(stream, id).exec();
}

async function next() {
  const abandoned = await redis.xautoclaim(stream, group, member, silence, '0-0', 'COUNT', 100);
  if (abandoned[1].length > 0) return abandoned[1];
  const read = ['GROUP', group, member, 'COUNT', 100, 'BLOCK', 1_000, 'STREAMS', stream, '>'];
  const streams = await reader.xreadgroup(...read);
  return streams ? streams[0][1] : [];
}

async function join() {
  await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM').catch((error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  });
}

async function main() {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { stopping = true; });
  while (!stopping) {
    try {
      await join();
      for (const [id, fields] of await next()) await take(id, fields);
    } catch (error) {
      console.error(error.message);
      await new Promise((resolve) => { setTimeout(resolve, 1_000); });
    }
  }
  await queue.close();
  redis.disconnect();
  reader.disconnect();
}

main().then(() => process.exit(0));
