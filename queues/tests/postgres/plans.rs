//! The statements stay fast with many entries: their plans read a few rows by an index.

use tokio_postgres::Client;

use crate::scene::Scene;

/// The engine's statements.
#[allow(dead_code, reason = "the engine uses the rest")]
#[path = "../../src/postgres/schema.rs"]
mod schema;

const LIST: &str = "SELECT number FROM nevent_webhooks.entries WHERE queue = 'tickets' \
    AND dead_at IS NOT NULL ORDER BY dead_at, number LIMIT 100";
const TOKEN: &str = "'00000000-0000-0000-0000-000000000000'";

async fn plan(client: &Client, query: &str) -> String {
    let rows = client.query(&format!("EXPLAIN {query}"), &[]).await.expect("a plan");
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

/// The statement with values in place of its parameters.
fn with(statement: &str, values: &[&str]) -> String {
    let numbered = (1..).zip(values);
    numbered.fold(statement.to_owned(), |statement, (number, value)| {
        statement.replace(&format!("${number}"), value)
    })
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
    let schema = schema::Schema::new("nevent_webhooks");
    let tokens = format!("ARRAY[{TOKEN}]");
    let statements = [
        (with(&schema.take, &["'tickets'", "16", "60000", "7"]), "entries_due"),
        (with(&schema.pull_back, &["'tickets'", "60000"]), "entries_due"),
        (with(&schema.expire, &["'tickets'", "60000", "100"]), "entries_dead"),
        (with(&schema.renew, &["ARRAY[1, 2]", &tokens, "7", "60000"]), "entries_pkey"),
        (with(&schema.read, &["1", TOKEN, "7"]), "entries_pkey"),
        (with(&schema.done, &["1", TOKEN]), "entries_pkey"),
        (LIST.to_owned(), "entries_dead"),
    ];
    // Also before the server has looked at the table.
    for prepare in ["", fill, "ANALYZE nevent_webhooks.entries"] {
        client.batch_execute(prepare).await.expect("a table");
        for (query, index) in &statements {
            let plan = plan(&client, query).await;
            assert!(plan.contains(&format!("using {index}")), "{prepare} {query} {plan}");
            assert!(
                !plan.contains("Sort") && !plan.contains("Seq Scan"),
                "{prepare} {query} {plan}"
            );
        }
    }
}
