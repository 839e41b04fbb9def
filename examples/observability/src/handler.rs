//! The handler: what your code does, with the ways in which it can go wrong.

use std::time::Duration;

use nevent_webhooks::Event;
use serde_json::Value;

/// Sells a ticket. So that the dashboard has something to show, an event can ask for trouble with the field
/// `data.trouble`: only the traffic of this example sends it.
pub async fn handle(event: Event) -> Result<&'static str, String> {
    let data: Value = event.data_as().map_err(|error| error.to_string())?;
    match data["trouble"].as_str() {
        Some("fail") => return Err("no seat left".to_owned()),
        Some("panic") => panic!("as the traffic asked"),
        Some("slow") => tokio::time::sleep(Duration::from_secs(3)).await,
        _ => {}
    }
    // Within the span of the delivery: the line has its id, and that of the request.
    tracing::info!(event_type = event.event_type.escape_debug().to_string(), "handled");
    Ok("handled")
}
