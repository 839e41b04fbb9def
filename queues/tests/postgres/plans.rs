//! The statements stay fast with many entries: their plans read a few rows by an index.

use tokio_postgres::Client;

use crate::work::Scene;

/// What `take` finds its rows by, as a literal statement.
const DUE: &str = "SELECT number FROM nevent_webhooks.entries WHERE queue = 'tickets' \
    AND dead_at IS NULL AND run_at <= statement_timestamp() \
    ORDER BY run_at LIMIT 16 FOR UPDATE SKIP LOCKED";
const OLD: &str = "SELECT number FROM nevent_webhooks.entries WHERE queue = 'tickets' \
    AND dead_at < statement_timestamp() - interval '30 days' ORDER BY dead_at LIMIT 1000 \
    FOR UPDATE SKIP LOCKED";
const LIST: &str = "SELECT number FROM nevent_webhooks.entries WHERE queue = 'tickets' \
    AND dead_at IS NOT NULL ORDER BY dead_at, number LIMIT 100";

async fn plan(client: &Client, query: &str) -> String {
    let rows = client.query(&format!("EXPLAIN {query}"), &[]).await.expect("a plan");
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn many_entries_and_dead_letters_are_not_read() {
    let scene = Scene::new().await;
    let client = scene.database.client().await;
    // As the engine does: the statistics are of a time when the table was small.
    let along_the_index =
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off";
    client.batch_execute(along_the_index).await.expect("settings");
    let fill = "INSERT INTO nevent_webhooks.entries (queue, envelope, run_at, dead_at) \
        SELECT 'tickets', '?', now() + n % 7 * interval '1 hour', \
        CASE WHEN n % 2 = 0 THEN now() END FROM generate_series(1, 20000) n";
    // Also before the server has looked at the table.
    for prepare in ["", fill, "ANALYZE nevent_webhooks.entries"] {
        client.batch_execute(prepare).await.expect("a table");
        for (query, index) in [(DUE, "entries_due"), (OLD, "entries_dead"), (LIST, "entries_dead")]
        {
            let plan = plan(&client, query).await;
            assert!(plan.contains(&format!("using {index}")), "{prepare} {plan}");
            assert!(!plan.contains("Sort"), "{prepare} {plan}");
        }
        let update = format!(
            "UPDATE nevent_webhooks.entries SET lease = 1 WHERE number = ANY (ARRAY({DUE}))"
        );
        let plan = plan(&client, &update).await;
        assert!(!plan.contains("Seq Scan"), "{prepare} {plan}");
    }
}
