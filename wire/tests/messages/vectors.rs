//! Known answers: EIP-712 by somebody else's implementation, frames by a script that knows only the byte tables.

use std::path::{Path, PathBuf};

use cairn_merkle::Fr;
use cairn_merkle::tree::Opening;
use cairn_wire::{
    Acceptance, Address, Commitment, ContentId, DealId, Eip712Domain, ErrorCode, LeafOpening,
    NodeInfo, OpenLeaf, PieceTerms, RangeHeader, ReadRange, Receipt, RelaySegment, Reply, Request,
    SecretKey, Signature, SlotFailed, SlotIndex, StorePiece, WireError, acceptance_digest,
    receipt_digest, recover,
};
use serde_json::Value;

fn testdata(name: &str) -> Value {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/wire")
        .join(name);
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is missing"))
}

fn number(value: &Value, key: &str) -> u64 {
    text(value, key).parse().unwrap()
}

fn bytes<const N: usize>(value: &Value, key: &str) -> [u8; N] {
    hex::decode(text(value, key)).unwrap().try_into().unwrap()
}

fn terms_of(value: &Value) -> PieceTerms {
    PieceTerms {
        deal: DealId(number(value, "deal")),
        slot: SlotIndex(u8::try_from(value["slot"].as_u64().unwrap()).unwrap()),
        provider: text(value, "provider").parse().unwrap(),
        content_id: ContentId::from_bytes(bytes(value, "content_id")),
        comm_p: Commitment::from_bytes(bytes(value, "comm_p_le")).unwrap(),
        b: u8::try_from(value["b"].as_u64().unwrap()).unwrap(),
        byte_len: number(value, "byte_len"),
        expiry_unix: number(value, "expiry_unix"),
    }
}

#[test]
fn digests_and_signatures_are_those_of_ethers() {
    let data = testdata("eip712/terms.json");
    let cases = data["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3, "ordinary, all zero, all largest");
    for case in cases {
        let name = text(case, "name");
        let domain = Eip712Domain {
            chain_id: number(case, "chain_id"),
            deals: text(case, "deals").parse().unwrap(),
        };
        let terms = terms_of(&case["terms"]);
        assert_eq!(
            domain.separator(),
            bytes(case, "domain_separator"),
            "{name}: domain separator"
        );
        let key = SecretKey::from_hex(text(case, "key")).unwrap();
        assert_eq!(
            key.address().to_string(),
            text(case, "signer"),
            "{name}: address"
        );
        let signed = [
            (
                receipt_digest(&domain, &terms),
                "receipt_digest",
                "receipt_signature",
            ),
            (
                acceptance_digest(&domain, &terms),
                "acceptance_digest",
                "acceptance_signature",
            ),
        ];
        for (digest, digest_key, signature_key) in signed {
            assert_eq!(digest, bytes(case, digest_key), "{name}: {digest_key}");
            let theirs = Signature(bytes(case, signature_key));
            assert_eq!(
                key.sign_digest(&digest).unwrap(),
                theirs,
                "{name}: {signature_key}"
            );
            assert_eq!(
                recover(&digest, &theirs).unwrap(),
                key.address(),
                "{name}: recovers"
            );
        }
    }
}

#[test]
fn every_field_of_the_terms_and_the_domain_is_signed() {
    let data = testdata("eip712/terms.json");
    let case = &data["cases"][0];
    let domain = Eip712Domain {
        chain_id: number(case, "chain_id"),
        deals: text(case, "deals").parse().unwrap(),
    };
    let terms = terms_of(&case["terms"]);
    // A new field fails to compile here until it is changed below.
    let PieceTerms {
        deal: _,
        slot: _,
        provider: _,
        content_id: _,
        comm_p: _,
        b: _,
        byte_len: _,
        expiry_unix: _,
    } = terms;
    let changes: [fn(&mut PieceTerms); 8] = [
        |terms| terms.deal.0 += 1,
        |terms| terms.slot.0 += 1,
        |terms| terms.provider.0[19] += 1,
        |terms| terms.content_id = ContentId::from_bytes([1; 32]),
        |terms| terms.comm_p = Commitment::from(terms.comm_p.to_fr() + Fr::from(1)),
        |terms| terms.b += 1,
        |terms| terms.byte_len += 1,
        |terms| terms.expiry_unix += 1,
    ];
    let other_chain = Eip712Domain {
        chain_id: 1,
        ..domain
    };
    let other_contract = Eip712Domain {
        deals: Address([1; 20]),
        ..domain
    };
    let mut statements = vec![
        (domain, terms),
        (other_chain, terms),
        (other_contract, terms),
    ];
    for change in changes {
        let mut changed = terms;
        change(&mut changed);
        statements.push((domain, changed));
    }
    let digests = |(domain, terms)| {
        [
            receipt_digest(&domain, &terms),
            acceptance_digest(&domain, &terms),
        ]
    };
    let mut seen: Vec<[u8; 32]> = statements.into_iter().flat_map(digests).collect();
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        (seen.len(), all),
        (22, 22),
        "eleven statements of two types, all different"
    );
}

fn count<const N: usize>(from: u8) -> [u8; N] {
    core::array::from_fn(|i| from.wrapping_add(u8::try_from(i).unwrap()))
}

fn element(from: u8) -> Commitment {
    let mut bytes = count(from);
    bytes[31] = 0;
    Commitment::from_bytes(bytes).unwrap()
}

fn golden_terms() -> PieceTerms {
    PieceTerms {
        deal: DealId(0x0102_0304_0506_0708),
        slot: SlotIndex(9),
        provider: Address(count(0x10)),
        content_id: ContentId::from_bytes(count(0x30)),
        comm_p: element(0x50),
        b: 13,
        byte_len: 260_096,
        expiry_unix: 1_790_000_000,
    }
}

fn golden_signature() -> Signature {
    let mut bytes = [27; 65];
    bytes[..64].copy_from_slice(&count::<64>(0x70));
    Signature(bytes)
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn golden_requests() -> Vec<(&'static str, Request)> {
    let content_id = ContentId::from_bytes(count(0x30));
    let largest = (1 << 40) - 1;
    let ones = ContentId::from_bytes([0xff; 32]);
    vec![
        ("info", Request::Info),
        (
            "store_piece",
            Request::StorePiece(StorePiece {
                deal: DealId(0x0102_0304_0506_0708),
                slot: SlotIndex(9),
                content_id,
                byte_len: 260_096,
            }),
        ),
        (
            "store_piece_largest",
            Request::StorePiece(StorePiece {
                deal: DealId(u64::MAX),
                slot: SlotIndex(255),
                content_id: ones,
                byte_len: largest,
            }),
        ),
        (
            "accept_piece",
            Request::AcceptPiece(Acceptance {
                terms: golden_terms(),
                signature: golden_signature(),
            }),
        ),
        (
            "read_range",
            Request::ReadRange(ReadRange {
                content_id,
                offset: 65_536,
                len: 1000,
            }),
        ),
        (
            "read_range_largest",
            Request::ReadRange(ReadRange {
                content_id: ones,
                offset: largest,
                len: largest,
            }),
        ),
        (
            "open_leaf",
            Request::OpenLeaf(OpenLeaf {
                content_id,
                leaf: 0x0807,
            }),
        ),
        (
            "relay_segment",
            Request::RelaySegment(RelaySegment {
                deal: DealId(0x0102_0304_0506_0708),
                slot: SlotIndex(9),
                k: 10,
                n: 30,
                code_id: 1,
                strip_bytes: 32_768,
                segment_bytes: 2_600_960,
            }),
        ),
        (
            "relay_segment_largest",
            Request::RelaySegment(RelaySegment {
                deal: DealId(u64::MAX),
                slot: SlotIndex(255),
                k: 255,
                n: 256,
                code_id: 255,
                strip_bytes: 1 << 20,
                segment_bytes: 255 * largest,
            }),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn golden_replies() -> Vec<(&'static str, Reply)> {
    let elements: Vec<Fr> = (0..33).map(|i| element(i).to_fr()).collect();
    let opening = Opening {
        leaf: elements[0],
        groups: elements[1..]
            .chunks(16)
            .map(|g| g.try_into().unwrap())
            .collect(),
    };
    let long = "x".repeat(256);
    let errors = [
        ("error_bad_request", ErrorCode::BadRequest, "no such thing"),
        ("error_not_found", ErrorCode::NotFound, ""),
        ("error_refused", ErrorCode::Refused, "slot 9 is not funded"),
        ("error_too_large", ErrorCode::TooLarge, "größer als erlaubt"),
        ("error_busy", ErrorCode::Busy, "later"),
        ("error_internal", ErrorCode::Internal, &long),
    ];
    let mut replies = vec![
        (
            "node_info",
            Reply::Info(NodeInfo {
                provider: Address(count(0x10)),
                operator: Address(count(0x20)),
                chain_id: 31337,
                deals: Address(count(0x40)),
                parameter_set: "devnet".to_owned(),
                software: "cairn-node 0.1.0".to_owned(),
                b_max: 17,
                free_bytes: 1 << 35,
                now_unix: 1_790_000_000,
            }),
        ),
        ("continue", Reply::Continue),
        (
            "receipt",
            Reply::Receipt(Receipt {
                terms: golden_terms(),
                signature: golden_signature(),
            }),
        ),
        ("accepted", Reply::Accepted),
        (
            "range_header",
            Reply::RangeHeader(RangeHeader {
                piece_byte_len: 260_096,
                encoded_len: 17_000,
            }),
        ),
        (
            "leaf_opening",
            Reply::LeafOpening(LeafOpening { b: 8, opening }),
        ),
        (
            "slot_failed",
            Reply::SlotFailed(SlotFailed {
                slot: SlotIndex(29),
                error: WireError::busy("the holder is busy"),
            }),
        ),
        (
            "slot_failed_later",
            Reply::SlotFailed(SlotFailed {
                slot: SlotIndex(255),
                error: WireError::later(90, ""),
            }),
        ),
    ];
    replies.extend(
        errors.map(|(name, code, reason)| (name, Reply::Error(WireError::new(code, reason)))),
    );
    let later = WireError::later(90, "being unsealed");
    replies.push(("error_later", Reply::Error(later)));
    let longest = WireError::later(7 * 86_400, "");
    replies.push(("error_later_longest", Reply::Error(longest)));
    replies
}

/// The frames of one direction, by name.
fn golden_frames(direction: &str) -> Vec<(String, Vec<u8>)> {
    let data = testdata("messages/frames.json");
    data["frames"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|frame| text(frame, "direction") == direction)
        .map(|frame| {
            (
                text(frame, "name").to_owned(),
                hex::decode(text(frame, "hex")).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_request_has_its_golden_bytes_both_ways() {
    let golden = golden_frames("request");
    let ours = golden_requests();
    assert_eq!(golden.len(), ours.len(), "every golden request is checked");
    for ((name, frame), (our_name, request)) in golden.iter().zip(&ours) {
        assert_eq!(name, our_name, "same order");
        assert_eq!(
            hex::encode(request.to_frame().unwrap()),
            hex::encode(frame),
            "{name} encodes"
        );
        assert_eq!(
            &Request::from_frame(frame).unwrap(),
            request,
            "{name} decodes"
        );
        assert!(Reply::from_frame(frame).is_err(), "{name} is no reply");
    }
}

#[test]
fn every_reply_has_its_golden_bytes_both_ways() {
    let golden = golden_frames("reply");
    let ours = golden_replies();
    assert_eq!(golden.len(), ours.len(), "every golden reply is checked");
    for ((name, frame), (our_name, reply)) in golden.iter().zip(&ours) {
        assert_eq!(name, our_name, "same order");
        assert_eq!(
            hex::encode(reply.to_frame().unwrap()),
            hex::encode(frame),
            "{name} encodes"
        );
        assert_eq!(&Reply::from_frame(frame).unwrap(), reply, "{name} decodes");
        assert!(Request::from_frame(frame).is_err(), "{name} is no request");
    }
}

/// What decoding a frame gives, in a form that both directions share.
fn decoded(direction: &str, frame: &[u8]) -> Result<String, cairn_wire::CodecError> {
    if direction == "request" {
        Request::from_frame(frame).map(|request| format!("{request:?}"))
    } else {
        Reply::from_frame(frame).map(|reply| format!("{reply:?}"))
    }
}

#[test]
fn a_frame_cut_anywhere_or_with_a_byte_more_is_refused() {
    for direction in ["request", "reply"] {
        for (name, frame) in golden_frames(direction) {
            for end in 0..frame.len() {
                assert!(
                    decoded(direction, &frame[..end]).is_err(),
                    "{name} cut at {end}"
                );
                // The same with a length prefix that agrees.
                if end >= 2 {
                    let mut cut = frame[..end].to_vec();
                    cut[..2].copy_from_slice(&u16::try_from(end - 2).unwrap().to_le_bytes());
                    assert!(
                        decoded(direction, &cut).is_err(),
                        "{name} cut at {end}, length adjusted"
                    );
                }
            }
            let mut longer = frame.clone();
            longer.push(0);
            assert!(
                decoded(direction, &longer).is_err(),
                "{name} with a byte after its frame"
            );
            longer[..2].copy_from_slice(&u16::try_from(frame.len() - 1).unwrap().to_le_bytes());
            assert!(
                decoded(direction, &longer).is_err(),
                "{name} with a byte after its fields"
            );
        }
    }
}

#[test]
fn a_changed_byte_never_decodes_to_the_same_message() {
    for direction in ["request", "reply"] {
        for (name, frame) in golden_frames(direction) {
            let original = decoded(direction, &frame).unwrap();
            for at in 0..frame.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut changed = frame.clone();
                    changed[at] ^= flip;
                    if let Ok(other) = decoded(direction, &changed) {
                        assert_ne!(
                            other, original,
                            "{name}: byte {at} xor {flip:#x} is not looked at"
                        );
                    }
                }
            }
        }
    }
}
