//! The cluster as one of its nodes describes it.

use super::Server;

/// A node, as one of them sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    pub id: String,
    pub is_master: bool,
    /// The higher, the later it became a master.
    pub epoch: u64,
    slots: Vec<(u16, u16)>,
}

impl Node {
    /// The node as it describes itself; `None` if it does not answer.
    pub async fn itself(node: &Server) -> Option<Self> {
        let lines = lines(node).await?;
        parse(lines.lines().find(|line| line.contains("myself"))?)
    }

    /// The masters with slots, as this node sees them; `None` if it does not answer.
    pub async fn masters(node: &Server) -> Option<Vec<Self>> {
        let lines = lines(node).await?;
        let mut masters: Vec<Self> = lines.lines().filter_map(parse).collect();
        masters.retain(|node| node.is_master && !node.slots.is_empty());
        masters.sort();
        Some(masters)
    }

    pub fn owns(&self, slot: u16) -> bool {
        self.is_master && self.slots.iter().any(|&(first, last)| (first..=last).contains(&slot))
    }
}

/// Whether this line is in its `CLUSTER INFO` or `INFO`.
pub async fn says(node: &Server, ask: &[&str], line: &str) -> bool {
    let info = node.try_command::<String>(ask).await;
    info.is_ok_and(|info| info.lines().any(|l| l.trim_end() == line))
}

async fn lines(node: &Server) -> Option<String> {
    node.try_command(&["CLUSTER", "NODES"]).await.ok()
}

/// `<id> <address> <flags> <master> <ping> <pong> <epoch> <link> <slots>…`
fn parse(line: &str) -> Option<Node> {
    let words: Vec<_> = line.split(' ').collect();
    Some(Node {
        id: (*words.first()?).to_owned(),
        is_master: words.get(2)?.split(',').any(|flag| flag == "master"),
        epoch: words.get(6)?.parse().ok()?,
        slots: words.iter().skip(8).filter_map(|word| range(word)).collect(),
    })
}

/// `1` or `1-5`. The mark of a slot on the move, `[1->-<id>]`, is none.
fn range(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}
