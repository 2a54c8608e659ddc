//! The fast code against the slow reference and against the crate whose matrix it claims to use.

#![expect(
    clippy::cast_possible_truncation,
    reason = "piece numbers below 256 and mixed bits"
)]

use cairn_erasure::{Code, CodeError, RowEncoder, reference};
use proptest::prelude::*;
use reed_solomon_erasure::galois_8::ReedSolomon;

fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

fn pieces_at<'p>(pieces: &'p [Vec<u8>], indices: &[u8]) -> Vec<(u8, &'p [u8])> {
    indices
        .iter()
        .map(|i| (*i, pieces[usize::from(*i)].as_slice()))
        .collect()
}

#[test]
fn every_loss_pattern_of_every_code_up_to_seven_pieces_is_repaired_as_the_reference_does() {
    for n in 2..=7_u16 {
        for k in 1..n {
            let code = Code::new(k, n, 5).unwrap();
            let segment = bytes(usize::from(k) * 5 * 2 + 3, u64::from(k * 16 + n));
            let pieces = code.encode_segment(&segment);
            assert_eq!(
                pieces,
                reference::encode(&segment, k.into(), n.into(), 5).unwrap()
            );
            for survivors in 0..1_u32 << n {
                let alive: Vec<u8> = (0..n as u8).filter(|i| survivors >> i & 1 == 1).collect();
                let given = pieces_at(&pieces, &alive);
                let all: Vec<u8> = (0..n as u8).collect();
                if alive.len() < usize::from(k) {
                    let error = CodeError::TooFewPieces {
                        expected: k.into(),
                        got: alive.len(),
                    };
                    assert_eq!(code.rebuild(&given, &all), Err(error.clone()));
                    assert_eq!(code.decode_segment(&given, segment.len()), Err(error));
                    continue;
                }
                assert_eq!(
                    code.rebuild(&given, &all).unwrap(),
                    pieces,
                    "{k}-of-{n}, alive {alive:?}"
                );
                assert_eq!(code.decode_segment(&given, segment.len()).unwrap(), segment);
                let owned: Vec<(u8, Vec<u8>)> = given
                    .iter()
                    .take(k.into())
                    .map(|(i, piece)| (*i, piece.to_vec()))
                    .collect();
                assert_eq!(
                    reference::rebuild_all(&owned, k.into(), n.into()).unwrap(),
                    pieces
                );
            }
        }
    }
}

#[test]
fn the_parity_is_that_of_reed_solomon_erasure_up_to_the_largest_codes() {
    for (k, n) in [
        (1, 2),
        (1, 256),
        (2, 3),
        (4, 8),
        (10, 30),
        (29, 80),
        (128, 256),
        (255, 256),
    ] {
        let code = Code::new(k, n, 3).unwrap();
        let segment = bytes(usize::from(k) * 3, 7);
        let mut shards: Vec<Vec<u8>> = segment.chunks(3).map(<[u8]>::to_vec).collect();
        shards.resize(n.into(), vec![0; 3]);
        ReedSolomon::new(k.into(), usize::from(n - k))
            .unwrap()
            .encode(&mut shards)
            .unwrap();
        assert_eq!(code.encode_segment(&segment), shards, "{k}-of-{n}");
    }
}

#[test]
fn the_reference_generator_agrees_with_the_fast_code_at_odd_sizes() {
    for (k, n) in [(1, 256), (5, 17), (10, 30), (40, 41), (33, 200)] {
        let strip = 2;
        let segment = bytes(usize::from(k) * strip, 3);
        let fast = Code::new(k, n, 2).unwrap().encode_segment(&segment);
        assert_eq!(
            fast,
            reference::encode(&segment, k.into(), n.into(), strip).unwrap(),
            "{k}-of-{n}"
        );
    }
}

#[test]
fn the_largest_codes_lose_all_they_can_and_come_back() {
    for (k, n) in [(1_u16, 256_u16), (128, 256), (255, 256), (200, 256)] {
        let code = Code::new(k, n, 7).unwrap();
        let segment = bytes(usize::from(k) * 7 - 1, 11);
        let pieces = code.encode_segment(&segment);
        let last: Vec<u8> = (n - k..n).map(|i| i as u8).collect();
        let given = pieces_at(&pieces, &last);
        assert_eq!(
            code.decode_segment(&given, segment.len()).unwrap(),
            segment,
            "{k}-of-{n}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ten_of_thirty_survives_any_twenty_losses(
        order in Just((0..30_u8).collect::<Vec<_>>()).prop_shuffle(),
        len in 1..4000_usize,
        seed in any::<u64>(),
    ) {
        let code = Code::new(10, 30, 64).unwrap();
        let segment = bytes(len, seed);
        let pieces = code.encode_segment(&segment);
        prop_assert_eq!(&pieces, &reference::encode(&segment, 10, 30, 64).unwrap());
        let given = pieces_at(&pieces, &order[..10]);
        prop_assert_eq!(code.decode_segment(&given, len).unwrap(), segment);
        let rebuilt = code.rebuild(&given, &order[10..]).unwrap();
        for (index, piece) in order[10..].iter().zip(&rebuilt) {
            prop_assert_eq!(piece, &pieces[usize::from(*index)]);
        }
    }

    #[test]
    fn bytes_pushed_in_any_cuts_give_the_same_rows(
        cuts in prop::collection::vec(0..200_usize, 0..12),
        len in 0..900_usize,
    ) {
        let code = Code::new(3, 6, 32).unwrap();
        let segment = bytes(len, 5);
        let mut pieces = vec![Vec::new(); 6];
        let mut numbers = Vec::new();
        let mut encoder = RowEncoder::new(&code);
        let mut rest = segment.as_slice();
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            encoder.push(now, |row| {
                numbers.push(row.index());
                row.strips().zip(&mut pieces).for_each(|(strip, piece)| piece.extend_from_slice(strip));
            });
            rest = later;
        }
        encoder.push(rest, |row| {
            numbers.push(row.index());
            row.strips().zip(&mut pieces).for_each(|(strip, piece)| piece.extend_from_slice(strip));
        });
        let rows = encoder.finish(|row| {
            numbers.push(row.index());
            row.strips().zip(&mut pieces).for_each(|(strip, piece)| piece.extend_from_slice(strip));
        });
        prop_assert_eq!(&pieces, &code.encode_segment(&segment));
        prop_assert_eq!(rows, code.rows(len as u64));
        prop_assert_eq!(numbers, (0..rows).collect::<Vec<_>>());
        prop_assert_eq!(pieces[5].len() as u64, code.payload_len(len as u64));
    }
}
