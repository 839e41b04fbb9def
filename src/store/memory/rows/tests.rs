use std::collections::BTreeMap;

use super::*;

const SECOND: Millis = 1_000;
const SHORT: Millis = 660 * SECOND;
const LONG: Millis = 3 * 24 * 3_600 * SECOND;

fn key(n: u32) -> Key {
    let n = u64::from(n);
    Key { high: n.wrapping_mul(0x9e37_79b9_7f4a_7c15), low: n.wrapping_mul(0xd6e8_feb8_6659_fd93) }
}

/// Inserts a row as the tables of the store do, and returns the age of a row it evicted.
fn insert(rows: &mut Rows<()>, n: u32, window: Millis, now: Millis) -> Option<Millis> {
    rows.drop_expired(now, drop);
    let evicted = if rows.is_full() { rows.evict(window, now) } else { None };
    rows.insert(key(n), (), now + window, window);
    evicted?.age
}

fn is_live(rows: &Rows<()>, n: u32, now: Millis) -> bool {
    rows.find(key(n)).is_some_and(|slot| rows.live(slot, now).is_some())
}

fn promote(rows: &mut Rows<()>, n: u32) {
    rows.find(key(n)).into_iter().for_each(|slot| rows.promote(slot));
}

fn remove(rows: &mut Rows<()>, n: u32) {
    rows.find(key(n)).into_iter().for_each(|slot| assert!(rows.remove(slot).is_some()));
}

fn fill(rows: &mut Rows<()>, keys: impl IntoIterator<Item = u32>, window: Millis) {
    keys.into_iter().for_each(|n| assert_eq!(insert(rows, n, window, 0), None));
}

fn live(rows: &Rows<()>, keys: impl IntoIterator<Item = u32>, now: Millis) -> usize {
    keys.into_iter().filter(|n| is_live(rows, *n, now)).count()
}

#[test]
fn expired_rows_behind_a_long_lived_one_are_dropped_two_at_a_time() {
    let mut rows = Rows::new(10);
    insert(&mut rows, 0, LONG, 0);
    fill(&mut rows, 1..=3, SHORT);
    rows.drop_expired(SHORT, drop);
    assert_eq!(rows.len(), 2);
    rows.drop_expired(SHORT, drop);
    assert_eq!((rows.len(), live(&rows, [0], SHORT)), (1, 1));
}

#[test]
fn many_rows_of_one_window_evict_none_of_another_within_its_part() {
    for (few, many) in [(LONG, SHORT), (SHORT, LONG)] {
        let mut rows = Rows::new(10);
        fill(&mut rows, 0..5, few);
        let evicted = (5..100).filter_map(|n| insert(&mut rows, n, many, SECOND)).count();
        assert_eq!((live(&rows, 0..5, SECOND), rows.len(), evicted), (5, 10, 90));
        assert_eq!(live(&rows, 95..100, SECOND), 5, "the newest");
    }
}

#[test]
fn a_window_beyond_its_part_makes_room_for_another() {
    let mut rows = Rows::new(10);
    fill(&mut rows, 0..10, LONG);
    let ages: Vec<_> = (10..15).filter_map(|n| insert(&mut rows, n, SHORT, SECOND)).collect();
    assert_eq!(ages, [SECOND; 5]);
    assert_eq!((live(&rows, 0..5, SECOND), live(&rows, 5..15, SECOND)), (0, 10));
}

/// The first row expires first, but was seen after the second.
#[test]
fn a_row_that_was_seen_again_is_dropped_when_it_expires() {
    let mut rows = Rows::new(2);
    insert(&mut rows, 0, SHORT, 0);
    insert(&mut rows, 1, SHORT, SECOND);
    promote(&mut rows, 0);
    assert_eq!(insert(&mut rows, 2, SHORT, SHORT), None);
    assert_eq!((live(&rows, [0], SHORT), live(&rows, [1, 2], SHORT)), (0, 2));
}

#[test]
fn a_row_that_was_seen_again_is_evicted_later() {
    let mut rows = Rows::new(2);
    insert(&mut rows, 0, SHORT, 0);
    insert(&mut rows, 1, SHORT, SECOND);
    promote(&mut rows, 0);
    assert_eq!(rows.out_of_order.len(), 1);
    assert_eq!(insert(&mut rows, 2, SHORT, 3 * SECOND), Some(2 * SECOND));
    assert_eq!(insert(&mut rows, 3, SHORT, 3 * SECOND), Some(3 * SECOND));
    assert!(rows.out_of_order.is_empty());
}

#[test]
fn a_key_may_return_with_another_window() {
    for (first, second) in [(LONG, SHORT), (SHORT, LONG)] {
        let mut rows = Rows::new(10);
        insert(&mut rows, 0, first, 0);
        // Keeps the first window's order in use.
        insert(&mut rows, 1, first, SECOND);
        assert!(!is_live(&rows, 0, first));
        remove(&mut rows, 0);
        rows.insert(key(0), (), first + second, second);
        assert_eq!(rows.len(), 2);
        assert!(is_live(&rows, 0, first));
        assert!(!is_live(&rows, 0, first + second));
    }
}

#[test]
fn the_order_of_a_window_without_rows_is_used_for_the_next() {
    let mut rows = Rows::new(10);
    insert(&mut rows, 0, 7 * LONG, 0);
    remove(&mut rows, 0);
    for n in 1..100 {
        assert_eq!(insert(&mut rows, n, u64::from(n) * SECOND, u64::from(n) * SHORT), None);
        assert_eq!((rows.orders.len(), rows.len(), rows.out_of_order.len()), (1, 1, 0));
    }
}

#[test]
fn a_row_that_was_seen_last_does_not_move() {
    let mut rows = Rows::new(2);
    insert(&mut rows, 0, SHORT, 0);
    insert(&mut rows, 1, SHORT, SECOND);
    promote(&mut rows, 1);
    assert!(rows.out_of_order.is_empty());
    assert_eq!(insert(&mut rows, 2, SHORT, 3 * SECOND), Some(3 * SECOND));
}

/// The windows that are too many share an order with the nearest window.
#[test]
fn rows_of_too_many_windows_are_dropped_in_time_and_their_age_is_right() {
    let mut rows = Rows::new(20);
    for n in 1..=20 {
        insert(&mut rows, n, u64::from(n) * LONG, 0);
    }
    assert_eq!((rows.orders.len(), rows.len()), (MOST_WINDOWS, 20));
    // Windows 8 to 20 share an order, and 8 is at its head.
    assert_eq!(rows.evict(LONG, SECOND).unwrap().age, Some(SECOND));
    assert_eq!(rows.evict(LONG, SECOND).unwrap().age, Some(SECOND));
    rows.insert(key(21), (), SECOND + SHORT, SHORT);
    assert_eq!(insert(&mut rows, 22, 20 * LONG, 2 * SECOND), None);
    rows.drop_expired(SECOND + SHORT, drop);
    assert_eq!(live(&rows, [21], SECOND), 0);
}

/// Random inserts, repeats and pauses, with more windows than orders.
#[test]
fn no_live_row_is_evicted_while_an_expired_one_is_there() {
    const ROOM: usize = 40;
    let (mut rows, mut now) = (Rows::new(ROOM), 0);
    let mut expiries = BTreeMap::new();
    let (mut evicted, mut random) = (0, 1_u32);
    for n in 0..20_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let dice = random >> 16;
        now += SECOND * u64::from(dice % 7);
        promote(&mut rows, n - (dice % 50).min(n));
        let window = SECOND * [5, 20, 80, 100, 150, 200, 300, 400, 500, 900][dice as usize % 10];
        if let Some(age) = insert(&mut rows, n, window, now) {
            evicted += 1;
            let all_live =
                expiries.iter().all(|(n, expires)| *expires > now || rows.find(key(*n)).is_none());
            assert!(all_live && age < 900 * SECOND, "row {n}");
        }
        expiries.insert(n, now + window);
        expiries.retain(|n, _| rows.find(key(*n)).is_some());
        assert_eq!(expiries.len(), rows.len());
        assert!(rows.len() <= ROOM && rows.out_of_order.len() <= rows.len());
    }
    assert!(evicted > 1000 && rows.orders.len() == MOST_WINDOWS, "{evicted}");
}

/// What the rows are to do, as a plain list from the row seen least recently to the one seen last.
#[derive(Default)]
struct Model(Vec<(u32, Millis, Millis)>);

impl Model {
    fn insert(&mut self, n: u32, window: Millis, now: Millis, room: usize) {
        self.0.retain(|(_, expires, _)| *expires > now);
        if self.0.len() >= room {
            let rows_of = |window| self.0.iter().filter(|row| row.2 == window).count();
            let most = |row: &&(u32, Millis, Millis)| {
                (rows_of(row.2), Reverse(row.2.abs_diff(window)), Reverse(row.2))
            };
            let fullest = self.0.iter().max_by_key(most).unwrap().2;
            let oldest = self.0.iter().position(|row| row.2 == fullest).unwrap();
            self.0.remove(oldest);
        }
        self.0.push((n, now + window, window));
    }

    fn promote(&mut self, n: u32) {
        if let Some(place) = self.0.iter().position(|row| row.0 == n) {
            let row = self.0.remove(place);
            self.0.push(row);
        }
    }
}

/// Random inserts, repeats, removals and pauses. The windows lie so that no two are equally near.
#[test]
fn rows_are_evicted_as_a_plain_list_would_evict_them() {
    const ROOM: usize = 150;
    let (mut rows, mut model, mut now) = (Rows::new(ROOM), Model::default(), 0);
    let mut random = 1_u64;
    for n in 0..8_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let dice = random >> 40;
        now += dice % 3 * (SECOND / 2);
        let earlier = n - u32::try_from(dice % 200).unwrap().min(n);
        if dice.is_multiple_of(7) {
            remove(&mut rows, earlier);
            model.0.retain(|row| row.0 != earlier);
        } else if is_live(&rows, earlier, now) {
            promote(&mut rows, earlier);
            model.promote(earlier);
        }
        let window = SECOND * [20, 31, 57, 103, 199][(dice / 7 % 5) as usize];
        model.insert(n, window, now, ROOM);
        insert(&mut rows, n, window, now);
        let known: Vec<_> =
            (n.saturating_sub(400)..=n).filter(|n| is_live(&rows, *n, now)).collect();
        let mut expected: Vec<_> =
            model.0.iter().map(|row| row.0).filter(|known| known + 400 >= n).collect();
        expected.sort_unstable();
        assert_eq!(known, expected, "after row {n}");
    }
    assert_eq!(rows.orders.len(), 5);
}
