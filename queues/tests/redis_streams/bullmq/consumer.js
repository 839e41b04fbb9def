// Prints the id of each job's event.
'use strict';
const { Worker } = require('bullmq');
const Redis = require('ioredis');

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const options = { connection, concurrency: 20 };
new Worker('tickets', async (job) => {
  console.log(JSON.parse(job.data.body).id);
}, options).on('error', (error) => console.error(error.message));
