//! Messages to bytes and back: every message that can be made survives, everything else is refused without a panic.

use cairn_merkle::Fr;
use cairn_merkle::tree::Opening;
use cairn_wire::codec::VERSION;
use cairn_wire::message::{
    MAX_B, MAX_OPENING_BYTES, MAX_PIECE_BYTES, MAX_PIECES, MAX_SEGMENT_BYTES, MAX_SET_NAME_BYTES,
    MAX_SOFTWARE_BYTES, MAX_STRIP_BYTES,
};
use cairn_wire::{
    Acceptance, Address, CodecError, Commitment, ContentId, DealId, ErrorCode, LeafOpening,
    NodeInfo, OpenLeaf, PieceTerms, RangeHeader, ReadRange, Receipt, RelaySegment, Reply, Request,
    Signature, SlotFailed, SlotIndex, StorePiece, WireError,
};
use proptest::array::{uniform20, uniform32};
use proptest::collection::vec;
use proptest::prelude::*;

fn content_id() -> impl Strategy<Value = ContentId> {
    uniform32(any::<u8>()).prop_map(ContentId::from_bytes)
}

fn address() -> impl Strategy<Value = Address> {
    uniform20(any::<u8>()).prop_map(Address)
}

fn piece_bytes() -> impl Strategy<Value = u64> {
    1..=MAX_PIECE_BYTES
}

fn element() -> impl Strategy<Value = Fr> {
    any::<[u64; 3]>().prop_map(|[a, b, c]| Fr::from(a) * Fr::from(b) * Fr::from(c))
}

prop_compose! {
    fn terms()(
        deal in any::<u64>(), slot in any::<u8>(), provider in address(), content_id in content_id(),
        comm_p in element(), b in 2..=MAX_B, byte_len in piece_bytes(), expiry_unix in any::<u64>(),
    ) -> PieceTerms {
        PieceTerms {
            deal: DealId(deal), slot: SlotIndex(slot), provider, content_id, comm_p: Commitment::from(comm_p), b,
            byte_len, expiry_unix,
        }
    }
}

fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 65).prop_map(|bytes| Signature(bytes.try_into().unwrap()))
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::Info),
        (any::<u64>(), any::<u8>(), content_id(), piece_bytes()).prop_map(
            |(deal, slot, content_id, byte_len)| {
                Request::StorePiece(StorePiece {
                    deal: DealId(deal),
                    slot: SlotIndex(slot),
                    content_id,
                    byte_len,
                })
            }
        ),
        (terms(), signature())
            .prop_map(|(terms, signature)| Request::AcceptPiece(Acceptance { terms, signature })),
        (content_id(), 0..=MAX_PIECE_BYTES, piece_bytes()).prop_map(|(content_id, offset, len)| {
            Request::ReadRange(ReadRange {
                content_id,
                offset,
                len,
            })
        }),
        (content_id(), 0..1_u64 << MAX_B)
            .prop_map(|(content_id, leaf)| Request::OpenLeaf(OpenLeaf { content_id, leaf })),
        relay_segment().prop_map(Request::RelaySegment),
    ]
}

prop_compose! {
    fn relay_segment()(
        (k, n) in (1..MAX_PIECES).prop_flat_map(|k| (Just(k), k + 1..=MAX_PIECES)),
        deal in any::<u64>(), slot in any::<u8>(), code_id in any::<u8>(), strip_bytes in 1..=MAX_STRIP_BYTES,
        segment_bytes in 1..=MAX_SEGMENT_BYTES,
    ) -> RelaySegment {
        RelaySegment { deal: DealId(deal), slot: SlotIndex(slot), k, n, code_id, strip_bytes, segment_bytes }
    }
}

fn text(max_bytes: usize) -> impl Strategy<Value = String> {
    vec(
        any::<char>().prop_filter("plain text", |c| !c.is_control()),
        0..max_bytes / 4,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

prop_compose! {
    fn node_info()(
        (provider, operator, deals) in (address(), address(), address()), chain_id in any::<u64>(),
        parameter_set in text(MAX_SET_NAME_BYTES), software in text(MAX_SOFTWARE_BYTES), b_max in 2..=MAX_B,
        free_bytes in any::<u64>(), now_unix in any::<u64>(),
    ) -> NodeInfo {
        NodeInfo { provider, operator, chain_id, deals, parameter_set, software, b_max, free_bytes, now_unix }
    }
}

fn opening() -> impl Strategy<Value = Opening> {
    (element(), vec(element(), 0..4)).prop_map(|(leaf, heads)| Opening {
        leaf,
        groups: heads
            .into_iter()
            .map(|head| core::array::from_fn(|i| head + Fr::from(i as u64)))
            .collect(),
    })
}

fn error() -> impl Strategy<Value = WireError> {
    (0..6_usize, text(256)).prop_map(|(code, reason)| WireError::new(ErrorCode::ALL[code], reason))
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        node_info().prop_map(Reply::Info),
        Just(Reply::Continue),
        Just(Reply::Accepted),
        (terms(), signature())
            .prop_map(|(terms, signature)| Reply::Receipt(Receipt { terms, signature })),
        (piece_bytes(), 1..=2 * MAX_PIECE_BYTES).prop_map(|(piece_byte_len, encoded_len)| {
            Reply::RangeHeader(RangeHeader {
                piece_byte_len,
                encoded_len,
            })
        }),
        (2..=MAX_B, opening())
            .prop_map(|(b, opening)| Reply::LeafOpening(LeafOpening { b, opening })),
        error().prop_map(Reply::Error),
        (any::<u8>(), error()).prop_map(|(slot, error)| Reply::SlotFailed(SlotFailed {
            slot: SlotIndex(slot),
            error
        })),
    ]
}

proptest! {
    #[test]
    fn every_request_survives(request in request()) {
        let frame = request.to_frame().unwrap();
        prop_assert_eq!(Request::from_frame(&frame).unwrap(), request);
    }

    #[test]
    fn every_reply_survives(reply in reply()) {
        let frame = reply.to_frame().unwrap();
        prop_assert_eq!(Reply::from_frame(&frame).unwrap(), reply);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused_and_what_is_decoded_has_these_bytes(
        kind in prop_oneof![1_u8..=7, 0x80_u8..=0x88, Just(0xff)], fields in vec(any::<u8>(), 0..200),
    ) {
        let payload = [&[VERSION, kind][..], &fields].concat();
        if let Ok(request) = Request::decode(&payload) {
            prop_assert_eq!(&request.to_frame().unwrap()[2..], &payload[..]);
        }
        if let Ok(reply) = Reply::decode(&payload) {
            prop_assert_eq!(&reply.to_frame().unwrap()[2..], &payload[..]);
        }
    }

    #[test]
    fn a_damaged_frame_is_refused_or_means_exactly_its_bytes(
        reply in reply(), at in any::<prop::sample::Index>(), with in any::<u8>(),
    ) {
        let mut frame = reply.to_frame().unwrap();
        let at = at.index(frame.len());
        frame[at] = with;
        if let Ok(other) = Reply::from_frame(&frame) {
            prop_assert_eq!(other.to_frame().unwrap(), frame);
        }
    }
}

fn sample_terms() -> PieceTerms {
    PieceTerms {
        deal: DealId(1),
        slot: SlotIndex(2),
        provider: Address([3; 20]),
        content_id: ContentId::from_bytes([4; 32]),
        comm_p: Commitment::from(Fr::from(5)),
        b: 6,
        byte_len: 7,
        expiry_unix: 8,
    }
}

/// The frame with bytes put at an offset of the byte tables.
fn patched(mut frame: Vec<u8>, offset: usize, with: &[u8]) -> Vec<u8> {
    frame[offset..offset + with.len()].copy_from_slice(with);
    frame
}

fn range_error(result: Result<Request, CodecError>, expected: &str) {
    match result {
        Err(CodecError::Range { field, .. }) => {
            assert_eq!(field, expected, "the field that is named");
        }
        other => panic!("{expected} out of range gave {other:?}"),
    }
}

#[test]
fn numbers_out_of_range_are_refused_by_name_both_ways() {
    let store = StorePiece {
        deal: DealId(1),
        slot: SlotIndex(2),
        content_id: ContentId::from_bytes([4; 32]),
        byte_len: 1,
    };
    let read = ReadRange {
        content_id: store.content_id,
        offset: 0,
        len: 1,
    };
    let accept = Acceptance {
        terms: sample_terms(),
        signature: Signature([9; 65]),
    };
    let too_long = MAX_PIECE_BYTES + 1;
    let store_frame = Request::StorePiece(store).to_frame().unwrap();
    for byte_len in [0, too_long, u64::MAX] {
        range_error(
            Request::from_frame(&patched(store_frame.clone(), 45, &byte_len.to_le_bytes())),
            "byte_len",
        );
        assert!(
            Request::StorePiece(StorePiece { byte_len, ..store })
                .to_frame()
                .is_err(),
            "{byte_len} is not sent"
        );
    }
    let read_frame = Request::ReadRange(read).to_frame().unwrap();
    range_error(
        Request::from_frame(&patched(read_frame.clone(), 36, &too_long.to_le_bytes())),
        "offset",
    );
    range_error(
        Request::from_frame(&patched(read_frame.clone(), 44, &0_u64.to_le_bytes())),
        "len",
    );
    range_error(
        Request::from_frame(&patched(read_frame, 44, &too_long.to_le_bytes())),
        "len",
    );
    let open_frame = Request::OpenLeaf(OpenLeaf {
        content_id: store.content_id,
        leaf: 0,
    })
    .to_frame()
    .unwrap();
    range_error(
        Request::from_frame(&patched(open_frame, 36, &(1_u64 << 40).to_le_bytes())),
        "leaf",
    );
    let accept_frame = Request::AcceptPiece(accept).to_frame().unwrap();
    for b in [0, 1, MAX_B + 1, 255] {
        range_error(
            Request::from_frame(&patched(accept_frame.clone(), 97, &[b])),
            "b",
        );
    }
    range_error(
        Request::from_frame(&patched(accept_frame, 98, &0_u64.to_le_bytes())),
        "byte_len",
    );
}

#[test]
fn a_relays_code_and_lengths_out_of_range_are_refused_by_name_both_ways() {
    let good = RelaySegment {
        deal: DealId(1),
        slot: SlotIndex(2),
        k: 3,
        n: 5,
        code_id: 1,
        strip_bytes: 1,
        segment_bytes: 1,
    };
    let frame = Request::RelaySegment(good).to_frame().unwrap();
    assert_eq!(frame.len(), 30, "as the byte table says");
    let bad: [(&str, usize, Vec<u8>, RelaySegment); 8] = [
        ("k", 13, vec![0, 0], RelaySegment { k: 0, ..good }),
        ("k", 13, vec![0, 1], RelaySegment { k: 256, ..good }),
        ("n", 15, vec![3, 0], RelaySegment { n: 3, ..good }),
        ("n", 15, vec![0, 0], RelaySegment { n: 0, ..good }),
        ("n", 15, vec![1, 1], RelaySegment { n: 257, ..good }),
        (
            "strip_bytes",
            18,
            vec![0; 4],
            RelaySegment {
                strip_bytes: 0,
                ..good
            },
        ),
        (
            "strip_bytes",
            18,
            (MAX_STRIP_BYTES + 1).to_le_bytes().to_vec(),
            RelaySegment {
                strip_bytes: MAX_STRIP_BYTES + 1,
                ..good
            },
        ),
        (
            "segment_bytes",
            22,
            (MAX_SEGMENT_BYTES + 1).to_le_bytes().to_vec(),
            RelaySegment {
                segment_bytes: MAX_SEGMENT_BYTES + 1,
                ..good
            },
        ),
    ];
    for (field, offset, bytes, request) in bad {
        range_error(
            Request::from_frame(&patched(frame.clone(), offset, &bytes)),
            field,
        );
        assert!(
            Request::RelaySegment(request).to_frame().is_err(),
            "{request:?} is not sent"
        );
    }
    range_error(
        Request::from_frame(&patched(frame, 22, &0_u64.to_le_bytes())),
        "segment_bytes",
    );
}

#[test]
fn a_commitment_that_is_not_canonical_is_refused() {
    let accept = Acceptance {
        terms: sample_terms(),
        signature: Signature([9; 65]),
    };
    let frame = Request::AcceptPiece(accept).to_frame().unwrap();
    let modulus_le = "01000000fffffffffe5bfeff02a4bd5305d8a10908d83933487d9d2953a7ed73";
    for bytes in [hex::decode(modulus_le).unwrap(), vec![0xff; 32]] {
        assert_eq!(
            Request::from_frame(&patched(frame.clone(), 65, &bytes)),
            Err(CodecError::NonCanonical { field: "comm_p" }),
            "never reduced"
        );
    }
}

#[test]
fn another_version_or_kind_is_refused_by_name() {
    let frame = Request::Info.to_frame().unwrap();
    for version in [0, 2, 255] {
        assert_eq!(
            Request::from_frame(&patched(frame.clone(), 2, &[version])),
            Err(CodecError::Version {
                expected: 1,
                got: version
            }),
            "version {version}"
        );
    }
    for kind in [0x00, 0x07, 0x81, 0xff] {
        assert_eq!(
            Request::from_frame(&patched(frame.clone(), 3, &[kind])),
            Err(CodecError::Kind { got: kind }),
            "kind {kind:#x}"
        );
    }
}

#[test]
fn a_strangers_text_that_could_move_a_terminal_is_refused() {
    let frame = Reply::Error(WireError::busy("abc")).to_frame().unwrap();
    for bad in [b"a\x1bc", b"a\nc", b"a\xffc", b"a\0c"] {
        assert_eq!(
            Reply::from_frame(&patched(frame.clone(), 7, bad)),
            Err(CodecError::Text { field: "reason" }),
            "{bad:?}"
        );
    }
    let info = NodeInfo {
        provider: Address::ZERO,
        operator: Address::ZERO,
        chain_id: 1,
        deals: Address::ZERO,
        parameter_set: "x".repeat(MAX_SET_NAME_BYTES + 1),
        software: String::new(),
        b_max: 13,
        free_bytes: 0,
        now_unix: 0,
    };
    assert!(
        Reply::Info(info.clone()).to_frame().is_err(),
        "a name that is too long is not sent"
    );
    let info = NodeInfo {
        parameter_set: "dev\u{7}net".to_owned(),
        ..info
    };
    assert!(
        Reply::Info(info).to_frame().is_err(),
        "nor one that rings a bell"
    );
}

#[test]
fn an_opening_that_is_too_deep_or_too_long_is_refused() {
    let deepest = Opening {
        leaf: Fr::from(1),
        groups: vec![[Fr::from(2); 16]; 10],
    };
    let reply = Reply::LeafOpening(LeafOpening {
        b: 40,
        opening: deepest.clone(),
    });
    let frame = reply.to_frame().unwrap();
    assert!(frame.len() < MAX_OPENING_BYTES, "ten levels fit");
    assert_eq!(
        Reply::from_frame(&frame).unwrap(),
        reply,
        "ten levels survive"
    );
    assert!(
        Reply::from_frame(&patched(frame.clone(), 7, &[11])).is_err(),
        "eleven levels in the room of ten"
    );
    let too_long = u16::try_from(MAX_OPENING_BYTES + 1).unwrap().to_le_bytes();
    assert!(
        Reply::from_frame(&patched(frame, 5, &too_long)).is_err(),
        "a length beyond the bound"
    );
    let deeper = Opening {
        groups: vec![[Fr::from(2); 16]; 12],
        ..deepest
    };
    assert!(
        Reply::LeafOpening(LeafOpening {
            b: 40,
            opening: deeper
        })
        .to_frame()
        .is_err(),
        "is not sent either"
    );
}
