use super::slab::{Slab, Slot};
use crate::DeliveryId;

/// The id that signed bytes first came with, in 17 bytes: most senders' ids are UUIDs. The text of
/// any other is in [`Texts`].
#[derive(Clone, Copy)]
pub(super) enum FirstId {
    Uuid([u8; 16]),
    /// The slot of the text. As a `Slot`, with its alignment, it would cost every row 4 bytes more.
    Text([u8; 4]),
}

/// The ids of a shard that are not UUIDs.
pub(super) struct Texts(Slab<Option<DeliveryId>>);

impl Texts {
    pub(super) fn new() -> Self {
        Self(Slab::new())
    }

    /// Keeps an id, until it is given to [`forget`](Self::forget).
    pub(super) fn keep(&mut self, id: &DeliveryId) -> FirstId {
        match uuid(id.as_str()) {
            Some(uuid) => FirstId::Uuid(uuid),
            None => FirstId::Text(self.0.insert(Some(id.clone())).to_ne_bytes()),
        }
    }

    pub(super) fn forget(&mut self, first: FirstId) {
        let FirstId::Text(slot) = first else { return };
        let slot = Slot::from_ne_bytes(slot);
        if let Some(text) = self.0.get_mut(slot) {
            *text = None;
            self.0.free(slot);
        }
    }

    pub(super) fn is(&self, first: FirstId, id: &DeliveryId) -> bool {
        match first {
            FirstId::Uuid(first) => uuid(id.as_str()) == Some(first),
            FirstId::Text(slot) => self.text(slot) == Some(id),
        }
    }

    pub(super) fn read(&self, first: FirstId) -> Option<DeliveryId> {
        match first {
            FirstId::Uuid(uuid) => DeliveryId::new(text(uuid)).ok(),
            FirstId::Text(slot) => self.text(slot).cloned(),
        }
    }

    fn text(&self, slot: [u8; 4]) -> Option<&DeliveryId> {
        self.0.get(Slot::from_ne_bytes(slot))?.as_ref()
    }
}

/// The bytes of a UUID in the usual form: lowercase, with four hyphens. Another form of the same
/// UUID is another id, and stays text.
///
/// Without branches, because it runs for every signature: `hex` would take ten times as long.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..].copy_from_slice(&text[24..]);
    let values = digits.map(value);
    let all_bits = values.iter().fold(0, |bits, value| bits | value);
    let has_hyphens = [text[8], text[13], text[18], text[23]] == [b'-'; 4];
    let (pairs, _) = values.as_chunks();
    let mut uuid = [0; 16];
    for (byte, [high, low]) in uuid.iter_mut().zip(pairs) {
        *byte = high << 4 | low;
    }
    (has_hyphens && all_bits < 16).then_some(uuid)
}

/// The value of a lowercase hex digit; 255 if it is none.
fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit.wrapping_sub(b'0'),
        b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
        _ => 255,
    }
}

fn text(uuid: [u8; 16]) -> String {
    let mut text = hex::encode(uuid);
    for place in [8, 13, 18, 23] {
        text.insert(place, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn an_id_is_read_as_it_was_kept() {
        let ids = [UUID, "evt_1", "0", &UUID.to_uppercase(), &"x".repeat(128)];
        let ids = ids.map(|id| DeliveryId::new(id).unwrap());
        let mut texts = Texts::new();
        let kept = ids.clone().map(|id| texts.keep(&id));
        for (id, first) in ids.iter().zip(kept) {
            assert_eq!(texts.read(first).as_ref(), Some(id));
            assert_eq!(ids.iter().filter(|other| texts.is(first, other)).count(), 1);
        }
    }

    #[test]
    fn a_text_that_is_forgotten_leaves_its_slot_to_the_next() {
        let mut texts = Texts::new();
        for id in ["one", "two", UUID, "three"] {
            let id = DeliveryId::new(id).unwrap();
            let first = texts.keep(&id);
            assert_eq!(texts.read(first), Some(id));
            texts.forget(first);
        }
        assert_eq!((texts.0.len(), texts.0.get(0)), (0, Some(&None)));
        assert!(texts.0.get(1).is_none());
    }

    #[test]
    fn only_the_usual_form_of_a_uuid_is_packed() {
        assert_eq!(uuid(UUID).map(text).as_deref(), Some(UUID));
        let odd = [
            &UUID.to_uppercase(),
            &UUID.replace('-', "0"),
            &UUID.replace("01234567-", "-01234567"),
            &UUID.replace('f', "g"),
            &UUID[1..],
            &format!("{UUID}0"),
            &format!("{{{UUID}}}"),
        ];
        assert!(odd.iter().all(|id| uuid(id).is_none()));
    }
}
