// Takes entries from the receiver's stream and adds each to a BullMQ queue in the same Redis.
//
//     npm install && REDIS_URL=redis://127.0.0.1:6380 SCOPE=tickets QUEUE=tickets node bridge.js
//
// Run it in the place of the Rust worker. An entry is acknowledged only when BullMQ has the job: after a
// crash in between it is added again, and BullMQ ignores a job whose id it has. The scripts are those of the
// Rust worker.
'use strict';

const { randomUUID } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { join: path } = require('node:path');
const { Queue } = require('bullmq');
const Redis = require('ioredis');

const url = process.env.REDIS_URL || 'redis://127.0.0.1:6380';
const stream = `{${process.env.SCOPE || 'tickets'}}:queue`;
const [delayed, dead] = [`${stream}:delayed`, `${stream}:dead`];
const [group, member] = ['workers', randomUUID()];
// As long as a crashed bridge's entries wait. A job's id must be remembered for longer.
const silence = Number(process.env.CLAIM_AFTER_MS || 60_000);
const [minute, hour] = [60_000, 3_600_000];
const longestEnd = 10_000;
const deadFor = 14 * 24 * hour;
const options = {
  attempts: 14,
  backoff: { type: 'exponential', delay: 10_000 },
  removeOnComplete: { age: hour / 1_000 },
  removeOnFail: { age: deadFor / 1_000 },
};

// A connection that has become silent is replaced. Otherwise its commands would wait for hours, and so would
// the end. Each blocking read is answered within a second. A command fails after about three seconds without
// a server, and not after eleven: an entry whose command fails is claimed again later.
const redis = new Redis(url, { socketTimeout: 10_000, maxRetriesPerRequest: 10 });
for (const name of ['due', 'finish', 'park', 'retry', 'tidy']) {
  const file = path(__dirname, '../src/redis_streams/scripts', `${name}.lua`);
  const numberOfKeys = name === 'finish' ? 1 : 2;
  redis.defineCommand(name, { numberOfKeys, lua: readFileSync(file, 'utf8') });
}
const reader = redis.duplicate(); // For the blocking read alone.
const queue = new Queue(process.env.QUEUE || 'tickets', { connection: redis.duplicate() });
const report = (error) => console.error(error.message);
for (const client of [redis, reader, queue]) client.on('error', report);

// No colon, which BullMQ does not allow, and no integer. Events, deliveries and parts are apart, and so are
// receivers: without the endpoint, BullMQ would take another receiver's entry for one that it has.
function jobId({ id, dedupe_key, endpoint, position }) {
  const kind = dedupe_key === 'event_id' ? 'e' : position === undefined ? 'd' : `p${position}`;
  return `${kind}/${encodeURIComponent(endpoint || '')}/${encodeURIComponent(id)}`;
}

function read(json) {
  try {
    return JSON.parse(json) || {};
  } catch {
    return {};
  }
}

async function take(id, fields) {
  const of = {};
  for (let i = 0; i < fields.length; i += 2) of[fields[i]] = fields[i + 1];
  const envelope = read(of.envelope);
  if (Number.isInteger(envelope.version) && envelope.version !== 1) {
    // Only a newer bridge can read it.
    const attempts = /^\d+$/.test(of.attempts) ? of.attempts : 0;
    await redis.retry(stream, delayed, group, id, member, minute, attempts);
    return;
  }
  if (envelope.version !== 1 || !envelope.is_readable) {
    // One script: if the dead letter cannot be written, the entry stays in the stream.
    await redis.park(stream, dead, group, id, member, 'unreadable', 0, '', deadFor);
    return;
  }
  await queue.add(envelope.event_type || 'event', envelope, { ...options, jobId: jobId(envelope) });
  await redis.finish(stream, group, id);
}

let stopping = false;

// An entry that fails stays in the stream, is claimed again later, and does not hold up the others.
async function takeAll(entries) {
  for (const [id, fields] of entries) {
    try {
      await take(id, fields);
    } catch (error) {
      report(error);
      // Without a server each of the others would take seconds. They are claimed again later, too.
      if (stopping) return;
    }
  }
}

async function abandoned() {
  return (await redis.xautoclaim(stream, group, member, silence, '0-0', 'COUNT', 100))[1];
}

async function fresh() {
  const read = ['GROUP', group, member, 'COUNT', 100, 'BLOCK', 1_000, 'STREAMS', stream, '>'];
  const streams = await reader.xreadgroup(...read);
  return streams ? streams[0][1] : [];
}

async function join() {
  await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM').catch((error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  });
}

let tidied = -minute;

// Entries that the Rust worker left waiting for a retry, old dead letters, and members that are gone.
async function lookAfter() {
  await redis.due(stream, delayed, 100);
  if (performance.now() - tidied < minute) return;
  tidied = performance.now();
  await redis.tidy(stream, dead, group, hour, deadFor);
}

function stop() {
  stopping = true;
  // Without a server, or with one that does not answer, the last command may take long. What is cut off here
  // is claimed again later, as after a crash.
  setTimeout(() => process.exit(0), longestEnd).unref();
}

async function main() {
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
  while (!stopping) {
    try {
      await join();
      await lookAfter().catch(report);
      await takeAll(await abandoned());
      if (!stopping) await takeAll(await fresh());
    } catch (error) {
      report(error);
      await new Promise((resolve) => { setTimeout(resolve, 1_000); });
    }
  }
  await queue.close();
  redis.disconnect();
  reader.disconnect();
}

main().then(() => process.exit(0));
