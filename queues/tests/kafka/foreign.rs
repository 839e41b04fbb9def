//! Records of other programs.

use std::io::{Read, Write};
use std::net::TcpStream;

use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::kafka::KafkaDeadLetters;

use crate::broker::{Broker, options};
use crate::engine::{Work, sender};
use crate::support::eventually;
use crate::support::sender::Sent;

/// A client panics when it reads the name.
#[tokio::test]
async fn a_header_with_a_name_that_is_not_utf8_ends_no_worker() {
    let broker = Broker::shared().await;
    let options = options(&broker.address(), "foreign").partitions(1);
    let sender = sender(&options).await;
    produce(broker.port, "foreign", b"?");
    sender.deliver(&Sent::single(1)).await;

    let work = Work::start(&options, |_| false).await;
    let dead = KafkaDeadLetters::connect(&options).await.expect("a broker");
    eventually("it is a dead letter", async || dead.list(9).await.expect("a broker").len() == 1)
        .await;
    eventually("the next one is handled", async || work.count() == 1).await;
    let letter = dead.list(9).await.expect("a broker").remove(0);
    assert_eq!((letter.reason(), letter.unreadable()), ("unreadable", Some(&b"?"[..])));
    work.stop().await;

    produce(broker.port, "foreign.dead", b"!");
    assert_eq!(dead.list(9).await.expect("a broker").len(), 2);
    assert_eq!(dead.delete(Select::All).await.expect("a broker"), 2);
    assert!(dead.list(9).await.expect("a broker").is_empty());
}

/// Publishes a record with such a header into the first partition. The client takes none.
fn produce(port: u16, topic: &str, value: &[u8]) {
    let small = |number: usize| u8::try_from(number * 2).expect("a small number");
    let (key, name) = (b"k", b"\xff");
    let mut record = vec![0, 0, 0, small(key.len())];
    record.extend(key);
    record.push(small(value.len()));
    record.extend(value);
    record.extend([small(1), small(name.len()), name[0], 0]);
    record.insert(0, small(record.len()));

    let mut summed = vec![0; 6];
    summed.extend([0; 16]);
    summed.extend([0xff; 14]);
    summed.extend(1_u32.to_be_bytes());
    summed.extend(record);
    let mut batch = vec![0; 8];
    batch.extend(length(summed.len() + 9));
    batch.extend([0xff, 0xff, 0xff, 0xff, 2]);
    batch.extend(crc32c(&summed).to_be_bytes());
    batch.extend(summed);

    // Version 3 of the request, for one topic and one partition.
    let mut request = vec![0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    request.extend(10_000_u32.to_be_bytes());
    request.extend(length(1));
    request.extend(u16::try_from(topic.len()).expect("a short name").to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(length(1));
    request.extend(length(0));
    request.extend(length(batch.len()));
    request.extend(batch);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a broker");
    stream.write_all(&length(request.len())).expect("a connection");
    stream.write_all(&request).expect("a connection");
    // The lengths, the topic and the partition are before the error.
    let mut answer = vec![0; 4 + 4 + 4 + 2 + topic.len() + 4 + 4 + 2];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[answer.len() - 2..], [0, 0], "the broker has refused the record");
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a short text").to_be_bytes()
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    })
}
