//! What makes a Receipt worth an Acceptance.

use cairn_merkle::piece::PieceCommitment;
use cairn_wire::{
    Address, Commitment, ContentId, DealId, Eip712Domain, PieceTerms, Receipt, SlotIndex,
    verify_receipt,
};

use crate::error::ReceiptError;

/// What was sent to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) deal: DealId,
    pub(crate) slot: SlotIndex,
    pub(crate) provider: Address,
    /// The key that must have signed.
    pub(crate) operator: Address,
    pub(crate) content_id: ContentId,
}

/// What a Receipt must say of the piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) b: u8,
    pub(crate) byte_len: u64,
    /// Computed here; none if leaves under the signed one are drawn instead.
    pub(crate) comm_p: Option<Commitment>,
}

impl From<&PieceCommitment> for Expected {
    fn from(ours: &PieceCommitment) -> Self {
        Self {
            b: ours.b,
            byte_len: ours.byte_len,
            comm_p: Some(ours.comm_p),
        }
    }
}

/// Signed by the provider's operator, about exactly this piece for exactly this slot, with the commitment computed here
/// from our own bytes, if it was, and still valid.
pub(crate) fn check(
    receipt: &Receipt,
    sent: &Sent,
    ours: &Expected,
    domain: &Eip712Domain,
    now_unix: u64,
) -> Result<PieceTerms, ReceiptError> {
    let terms = receipt.terms;
    let fields = [
        ("deal", terms.deal == sent.deal),
        ("slot", terms.slot == sent.slot),
        ("provider", terms.provider == sent.provider),
        ("content id", terms.content_id == sent.content_id),
        ("b", terms.b == ours.b),
        ("byte_len", terms.byte_len == ours.byte_len),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, same)| !same) {
        return Err(ReceiptError::Terms { field });
    }
    verify_receipt(domain, &terms, &receipt.signature, sent.operator)?;
    if terms.expiry_unix <= now_unix {
        return Err(ReceiptError::Expired {
            expiry_unix: terms.expiry_unix,
            now_unix,
        });
    }
    match ours.comm_p {
        Some(expected) if expected != terms.comm_p => Err(ReceiptError::Commitment {
            expected,
            got: terms.comm_p,
        }),
        _ => Ok(terms),
    }
}

#[cfg(test)]
mod tests {
    use cairn_merkle::piece;
    use cairn_wire::{SecretKey, SignatureError, sign_acceptance, sign_receipt};

    use super::*;

    const NOW: u64 = 1_000;

    struct Case {
        operator: SecretKey,
        domain: Eip712Domain,
        sent: Sent,
        ours: PieceCommitment,
        terms: PieceTerms,
    }

    impl Case {
        fn new() -> Self {
            let bytes = b"a piece";
            let operator = SecretKey::from_bytes(&[3; 32]).unwrap();
            let ours = piece::commit(bytes).unwrap();
            let sent = Sent {
                deal: DealId(9),
                slot: SlotIndex(2),
                provider: Address([5; 20]),
                operator: operator.address(),
                content_id: ContentId::of(bytes),
            };
            let terms = PieceTerms {
                deal: sent.deal,
                slot: sent.slot,
                provider: sent.provider,
                content_id: sent.content_id,
                comm_p: ours.comm_p,
                b: ours.b,
                byte_len: ours.byte_len,
                expiry_unix: NOW + 1,
            };
            Self {
                operator,
                domain: Eip712Domain {
                    chain_id: 1,
                    deals: Address([8; 20]),
                },
                sent,
                ours,
                terms,
            }
        }

        /// The operator signs `terms`, whatever they say.
        fn verdict(&self, terms: PieceTerms) -> Result<PieceTerms, ReceiptError> {
            let signature = sign_receipt(&self.domain, &terms, &self.operator).unwrap();
            check(
                &Receipt { terms, signature },
                &self.sent,
                &Expected::from(&self.ours),
                &self.domain,
                NOW,
            )
        }
    }

    #[test]
    fn an_honest_receipt_is_accepted() {
        let case = Case::new();
        assert_eq!(case.verdict(case.terms), Ok(case.terms));
    }

    #[test]
    fn a_receipt_about_anything_else_is_refused_by_field() {
        let case = Case::new();
        let terms = case.terms;
        let changed = [
            (
                "deal",
                PieceTerms {
                    deal: DealId(10),
                    ..terms
                },
            ),
            (
                "slot",
                PieceTerms {
                    slot: SlotIndex(3),
                    ..terms
                },
            ),
            (
                "provider",
                PieceTerms {
                    provider: Address([6; 20]),
                    ..terms
                },
            ),
            (
                "content id",
                PieceTerms {
                    content_id: ContentId::of(b"another"),
                    ..terms
                },
            ),
            (
                "b",
                PieceTerms {
                    b: terms.b + 1,
                    ..terms
                },
            ),
            (
                "byte_len",
                PieceTerms {
                    byte_len: terms.byte_len + 1,
                    ..terms
                },
            ),
        ];
        for (field, terms) in changed {
            assert_eq!(case.verdict(terms), Err(ReceiptError::Terms { field }));
        }
    }

    #[test]
    fn a_receipt_with_another_commitment_is_refused_with_both() {
        let case = Case::new();
        let got = piece::commit(b"another").unwrap().comm_p;
        let error = ReceiptError::Commitment {
            expected: case.ours.comm_p,
            got,
        };
        assert_eq!(
            case.verdict(PieceTerms {
                comm_p: got,
                ..case.terms
            }),
            Err(error)
        );
    }

    #[test]
    fn an_expired_receipt_is_refused() {
        let case = Case::new();
        for expiry_unix in [0, NOW - 1, NOW] {
            let error = ReceiptError::Expired {
                expiry_unix,
                now_unix: NOW,
            };
            assert_eq!(
                case.verdict(PieceTerms {
                    expiry_unix,
                    ..case.terms
                }),
                Err(error)
            );
        }
    }

    #[test]
    fn only_the_operator_s_receipt_for_this_market_counts() {
        let case = Case::new();
        let judged = |signature| {
            check(
                &Receipt {
                    terms: case.terms,
                    signature,
                },
                &case.sent,
                &Expected::from(&case.ours),
                &case.domain,
                NOW,
            )
        };
        let wrong_signer = |outcome: Result<PieceTerms, ReceiptError>, what| {
            let error = outcome.unwrap_err();
            assert!(
                matches!(
                    error,
                    ReceiptError::Signature(SignatureError::WrongSigner { .. })
                ),
                "{what}: {error}"
            );
        };
        let stranger = SecretKey::from_bytes(&[4; 32]).unwrap();
        wrong_signer(
            judged(sign_receipt(&case.domain, &case.terms, &stranger).unwrap()),
            "a stranger",
        );
        let acceptance = sign_acceptance(&case.domain, &case.terms, &case.operator).unwrap();
        wrong_signer(judged(acceptance), "an Acceptance passed off as a Receipt");
        let elsewhere = Eip712Domain {
            chain_id: 2,
            ..case.domain
        };
        wrong_signer(
            judged(sign_receipt(&elsewhere, &case.terms, &case.operator).unwrap()),
            "another chain",
        );
    }
}
