// Installs the schema of graphile-worker, says so, and prints the id of each job's event.
'use strict';
const { run, runMigrations } = require('graphile-worker');

const connectionString = process.env.DATABASE_URL;

async function main() {
  await runMigrations({ connectionString });
  console.log('migrated');
  const webhook = async (envelope) => console.log(JSON.parse(envelope.body).id);
  await run({ connectionString, concurrency: 4, pollInterval: 200, noHandleSignals: true, taskList: { webhook } });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
