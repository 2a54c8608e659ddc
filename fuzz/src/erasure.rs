//! Coding and rebuilding.

use cairn_erasure::Code;

/// `k | n | strip | losses u32 | cut | segment`: any k pieces give back the rest, and a piece that was cut is refused.
pub fn erasure_rebuild(data: &[u8]) {
    let Some((head, segment)) = data.split_first_chunk::<8>() else {
        return;
    };
    let [k, n, strip, l0, l1, l2, l3, cut] = *head;
    // Small codes: the time goes into many of them rather than into a big one.
    let (k, n) = (u16::from(k % 24), u16::from(n % 33));
    let Ok(code) = Code::new(k, n, u32::from(strip) + 1) else {
        return;
    };
    let pieces = code.encode_segment(segment);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.len() as u64 == code.payload_len(segment.len() as u64)),
        "equal lengths"
    );
    let losses = u32::from_le_bytes([l0, l1, l2, l3]);
    let kept: Vec<(u8, &[u8])> = (0u8..)
        .zip(&pieces)
        .filter(|(i, _)| losses >> (i % 32) & 1 == 0)
        .map(|(i, piece)| (i, &piece[..]))
        .collect();
    let want: Vec<u8> = (0u8..).take(pieces.len()).collect();
    match (
        code.rebuild(&kept, &want),
        code.decode_segment(&kept, segment.len()),
    ) {
        (Ok(rebuilt), Ok(decoded)) => {
            assert!(kept.len() >= usize::from(k), "too few pieces were enough");
            assert_eq!(rebuilt, pieces, "rebuilt pieces");
            assert_eq!(decoded, segment, "decoded segment");
        }
        (Err(_), Err(_)) => assert!(
            kept.len() < usize::from(k),
            "{} pieces of {k} were refused",
            kept.len()
        ),
        (rebuilt, decoded) => panic!(
            "one of two refused: {:?}, {:?}",
            rebuilt.is_ok(),
            decoded.is_ok()
        ),
    }
    if let Some((index, piece)) = kept
        .first()
        .filter(|(_, piece)| kept.len() >= usize::from(k) && !piece.is_empty())
    {
        let mut odd = kept.clone();
        odd[0] = (*index, &piece[..usize::from(cut) % piece.len()]);
        assert!(
            code.decode_segment(&odd, segment.len()).is_err(),
            "a cut piece was taken"
        );
    }
}
