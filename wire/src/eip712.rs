//! The two EIP-712 signatures of a piece's life: the node's Receipt and the owner's Acceptance.
//!
//! ```text
//! digest = keccak256(0x19 | 0x01 | domain separator | struct hash)
//! domain separator = keccak256(T(domain) | keccak256("Cairn") | keccak256("1") | chain id | Deals)
//! struct hash      = keccak256(T(struct) | deal | slot | provider | content id | comm_p | b | byte_len | expiry)
//! ```
//!
//! T(x) is the hash of the type's text; every field is one 32-byte big-endian word. Receipt and Acceptance carry the
//! same fields and differ in T only, so that one can never be passed off as the other. Source: EIP-712, version 4 of
//! `eth_signTypedData`; known answers made by another implementation stand in `testdata/wire/eip712`.

use cairn_merkle::{Commitment, ContentId};
use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use crate::error::SignatureError;
use crate::ids::{Address, DealId, SlotIndex};
use crate::secret_key::{SecretKey, Signature, recover};

const DOMAIN_TYPE: &str =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const RECEIPT_TYPE: &str = "Receipt(uint64 deal,uint8 slot,address provider,bytes32 contentId,uint256 commP,uint8 b,uint64 byteLen,uint64 expiry)";
const ACCEPTANCE_TYPE: &str = "Acceptance(uint64 deal,uint8 slot,address provider,bytes32 contentId,uint256 commP,uint8 b,uint64 byteLen,uint64 expiry)";

/// The chain and contract that signatures are for: one made for another deployment is worth nothing here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Eip712Domain {
    /// The EVM chain.
    pub chain_id: u64,
    /// The Deals contract.
    pub deals: Address,
}

/// What a node says it holds, and what an owner agrees to: everything both signatures bind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PieceTerms {
    /// The deal the piece belongs to.
    pub deal: DealId,
    /// Its slot.
    pub slot: SlotIndex,
    /// The provider the slot names.
    pub provider: Address,
    /// BLAKE3 of the piece: the truth.
    pub content_id: ContentId,
    /// Poseidon2 commitment of the piece: the node's claim until someone has checked it.
    pub comm_p: Commitment,
    /// Base-2 logarithm of the piece's leaves.
    pub b: u8,
    /// Length of the piece.
    pub byte_len: u64,
    /// The last second (Unix time) at which the signature may be used.
    pub expiry_unix: u64,
}

impl Eip712Domain {
    /// The domain separator.
    #[must_use]
    pub fn separator(&self) -> [u8; 32] {
        let mut words = Words::of_type(DOMAIN_TYPE);
        words.word(keccak(b"Cairn"));
        words.word(keccak(b"1"));
        words.number(self.chain_id);
        words.address(&self.deals);
        words.hash()
    }

    fn digest(&self, struct_hash: &[u8; 32]) -> [u8; 32] {
        let mut hasher = Keccak256::new();
        hasher.update([0x19, 0x01]);
        hasher.update(self.separator());
        hasher.update(struct_hash);
        hasher.finalize().into()
    }
}

/// What the provider's operator signs: "I hold this piece durably, and this is its commitment".
#[must_use]
pub fn receipt_digest(domain: &Eip712Domain, terms: &PieceTerms) -> [u8; 32] {
    domain.digest(&struct_hash(RECEIPT_TYPE, terms))
}

/// What the deal's owner signs: "the commitment is right, this provider may fill the slot".
#[must_use]
pub fn acceptance_digest(domain: &Eip712Domain, terms: &PieceTerms) -> [u8; 32] {
    domain.digest(&struct_hash(ACCEPTANCE_TYPE, terms))
}

/// Signs a Receipt with the operator's key.
///
/// # Errors
/// [`SignatureError::CannotSign`] as [`SecretKey::sign_digest`].
pub fn sign_receipt(
    domain: &Eip712Domain,
    terms: &PieceTerms,
    operator: &SecretKey,
) -> Result<Signature, SignatureError> {
    operator.sign_digest(&receipt_digest(domain, terms))
}

/// Signs an Acceptance with the deal owner's key.
///
/// # Errors
/// [`SignatureError::CannotSign`] as [`SecretKey::sign_digest`].
pub fn sign_acceptance(
    domain: &Eip712Domain,
    terms: &PieceTerms,
    owner: &SecretKey,
) -> Result<Signature, SignatureError> {
    owner.sign_digest(&acceptance_digest(domain, terms))
}

/// Checks that `operator` signed the Receipt.
///
/// # Errors
/// [`SignatureError`], with [`SignatureError::WrongSigner`] when somebody else signed.
pub fn verify_receipt(
    domain: &Eip712Domain,
    terms: &PieceTerms,
    signature: &Signature,
    operator: Address,
) -> Result<(), SignatureError> {
    signed_by(&receipt_digest(domain, terms), signature, operator)
}

/// Checks that `owner` signed the Acceptance.
///
/// # Errors
/// [`SignatureError`], with [`SignatureError::WrongSigner`] when somebody else signed.
pub fn verify_acceptance(
    domain: &Eip712Domain,
    terms: &PieceTerms,
    signature: &Signature,
    owner: Address,
) -> Result<(), SignatureError> {
    signed_by(&acceptance_digest(domain, terms), signature, owner)
}

fn signed_by(
    digest: &[u8; 32],
    signature: &Signature,
    expected: Address,
) -> Result<(), SignatureError> {
    let got = recover(digest, signature)?;
    if got == expected {
        Ok(())
    } else {
        Err(SignatureError::WrongSigner { expected, got })
    }
}

fn struct_hash(type_text: &str, terms: &PieceTerms) -> [u8; 32] {
    let mut words = Words::of_type(type_text);
    words.number(terms.deal.0);
    words.number(u64::from(terms.slot.0));
    words.address(&terms.provider);
    words.word(*terms.content_id.as_bytes());
    words.word(terms.comm_p.to_be_bytes());
    words.number(u64::from(terms.b));
    words.number(terms.byte_len);
    words.number(terms.expiry_unix);
    words.hash()
}

/// The 32-byte words of `encodeData`, hashed as they come.
struct Words(Keccak256);

impl Words {
    fn of_type(text: &str) -> Self {
        let mut words = Self(Keccak256::new());
        words.word(keccak(text.as_bytes()));
        words
    }

    fn word(&mut self, word: [u8; 32]) {
        self.0.update(word);
    }

    fn number(&mut self, number: u64) {
        self.0.update([0; 24]);
        self.0.update(number.to_be_bytes());
    }

    fn address(&mut self, address: &Address) {
        self.0.update([0; 12]);
        self.0.update(address.as_bytes());
    }

    fn hash(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}
